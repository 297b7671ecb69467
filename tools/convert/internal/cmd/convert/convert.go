package convert

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tweedie/core/model"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/weights"
	"tweedie/weights/checkpoint"
	"tweedie/weights/importer"
)

// conversion is the flags of convert.
type conversion struct {
	out, arch         string
	name, title, card string
	sampler           string
	steps             int
	guidance          float64
	json, plain       bool
	hints             importer.Hints
	storage           storage
	onnx              onnxFlags
}

func newConvert() *cobra.Command {
	var o conversion
	cmd := &cobra.Command{
		Use:   "convert IN -o MODEL.json",
		Short: "Turn a checkpoint into a model",
		Long: `Convert turns a checkpoint into a model: a manifest, MODEL.json, with shards beside
it. IN is a file of safetensors (whole or an index of several), of torch.save (.pt,
.pth, .ckpt, .bin; nothing in it is executed) or of numpy.savez; a folder of diffusers;
the graph of an ONNX file, whatever the network; or a model, to quantise it, rename it
or give it a card.

What kind of network it is, its names and shapes tell: ` + strings.Join(importer.Families(), ", ") + `.
An average of the weights (EMA) in the file is taken before the weights themselves.
What was found and why, and what the checkpoint leaves open and is supposed, is said on
standard error; flags say it instead. An ONNX file runs by its graph; what it was trained
on, flags say: --prediction, --beta-schedule or --process, --unit-pixels, --null-class.

How near the model is to IN is measured and printed as a table, in decibels: of the
denoised image D(x;sigma) at five noise levels, and of images from one seed. On others
of these images int8, int4 and mixed are rounded, layer by layer, so that the errors of
weights make up for each other.`,
		Example: `  tweedie convert ddpm-folder -o ddpm.json --quant f16
  tweedie convert ema_0.9999_050000.pt -o guided.json --size 64 --head-channels 64 --beta-schedule cosine
  tweedie convert denoiser.onnx -o denoiser.json --prediction v --beta-schedule cosine
  tweedie convert runs/mnist/model.json -o mnist.json --quant int8 --card card.json --title "MNIST digits"
  tweedie convert runs/mnist/model.json -o small.json --quant mixed --budget 0.5 --data data/mnist`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	f := cmd.Flags()
	flags.Output(cmd, &o.out, "manifest of the model, a .json file")
	o.storage.add(cmd)
	f.StringVar(&o.arch, "arch", "auto", "what IN is: "+strings.Join(archs(), ", "))
	f.StringVar(&o.name, "name", "", "name of the model (default: IN's own)")
	f.StringVar(&o.title, "title", "", "what the page calls the model")
	f.StringVar(&o.card, "card", "", "model card: a .json file goes into the manifest, an .md file beside it")
	f.StringVar(&o.sampler, "sampler", "", "sampler that the model recommends")
	f.IntVar(&o.steps, "steps", 0, "steps that the model recommends")
	f.Float64Var(&o.guidance, "guidance", 0, "guidance that the model recommends")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	hintFlags(f, &o.hints, &o.plain)
	o.onnx.add(f)
	cmd.RegisterFlagCompletionFunc("arch", cobra.FixedCompletions(archs(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// check refuses flags that no input could go with.
func (o *conversion) check() error {
	if err := flags.NeedOutput(o.out, "MODEL.json"); err != nil {
		return err
	}
	if err := flags.NeedSuffix("-o", o.out, weights.ManifestSuffix); err != nil {
		return err
	}
	if err := o.storage.check(); err != nil {
		return err
	}
	if !slices.Contains(archs(), o.arch) {
		return flags.Misused("--arch is %q, need %s", o.arch, strings.Join(archs(), ", "))
	}
	if ext := filepath.Ext(o.card); o.card != "" && ext != ".json" && ext != ".md" {
		return flags.Misused("--card is %q, need a .json or .md file", o.card)
	}
	return nil
}

func (o *conversion) run(cmd *cobra.Command, path string) error {
	if err := o.check(); err != nil {
		return err
	}
	defer modelfile.Sparing()()
	card, text, err := o.readCard()
	if err != nil {
		return err
	}
	m, own, assumed, done, err := o.read(cmd, path)
	if err != nil {
		return err
	}
	defer done()
	if m, err = o.changed(cmd, m); err != nil {
		return err
	}
	if card == nil {
		card = own
	}
	manifest, err := m.Manifest(card)
	if err != nil {
		return err
	}
	if err := output.Prepare(o.out, o.beside()); err != nil {
		return err
	}
	fidelity, err := o.storage.write(cmd, o.out, manifest, m)
	if err != nil {
		return err
	}
	if text != nil {
		if err := weights.WriteAtomic(o.beside(), text); err != nil {
			return err
		}
	}
	return o.report(cmd.OutOrStdout(), manifest, m.Parameters(), assumed, fidelity)
}

// read reads IN, its card if it is a model with one, and what had to be supposed, and
// says what it found. done ends the reading of the model's weights.
func (o *conversion) read(cmd *cobra.Command, path string) (m *model.Model, card json.RawMessage, assumed []string, done func() error, err error) {
	if filepath.Ext(path) == modelfile.ONNXSuffix {
		net, m, found, assumed, err := o.onnx.read(path, o.hints)
		if err != nil {
			return nil, nil, nil, nil, err
		}
		o.say(cmd, found, assumed)
		return m, nil, assumed, net.Close, nil
	}
	isModel := o.arch == "tweedie" || o.arch == "auto" && filepath.Ext(path) == weights.ManifestSuffix && !checkpoint.Named(path)
	if !isModel {
		hints := o.hints
		hints.Process = o.onnx.process
		ck, err := importer.Read(path, importer.Options{Arch: o.arch, Plain: o.plain, Hints: hints})
		if err != nil {
			return nil, nil, nil, nil, err
		}
		o.say(cmd, ck.Found, ck.Assumed)
		return ck.Model, nil, ck.Assumed, ck.Close, nil
	}
	m, r, err := modelfile.Read(path)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	return m, json.RawMessage(r.Manifest.Card), nil, r.Close, nil
}

// say tells people what was found in IN and what is supposed.
func (o *conversion) say(cmd *cobra.Command, found, assumed []string) {
	for _, text := range found {
		fmt.Fprintf(cmd.ErrOrStderr(), "found: %s\n", output.Printable(text))
	}
	for _, text := range assumed {
		fmt.Fprintf(cmd.ErrOrStderr(), "assumed: %s\n", output.Printable(text))
	}
}

// changed returns m with the name, title and defaults that flags give.
func (o *conversion) changed(cmd *cobra.Command, m *model.Model) (*model.Model, error) {
	given := cmd.Flags().Changed
	config, name := m.Config(), m.Name()
	if given("name") {
		name = o.name
	}
	if given("title") {
		config.Title = o.title
	}
	if given("sampler") {
		config.Defaults.Sampler = o.sampler
	}
	if given("steps") {
		config.Defaults.Steps = o.steps
	}
	if given("guidance") {
		config.Defaults.Guidance = o.guidance
	}
	return m.With(name, &config)
}

// report prints what was written.
func (o *conversion) report(w io.Writer, m *weights.Manifest, parameters int, assumed []string, f *fidelity) error {
	each := float64(m.Bytes()) / float64(parameters)
	if o.json {
		return json.NewEncoder(w).Encode(map[string]any{
			"model": o.out, "name": m.Name, "parameters": parameters, "bytes": m.Bytes(), "bytes_per_parameter": each,
			"quant": o.storage.quant, "assumed": assumed, "fidelity": f,
		})
	}
	fmt.Fprintf(w, "%s: %d parameters as %s, %d bytes in %d shards, %.3f a parameter\n",
		o.out, parameters, o.storage.quant, m.Bytes(), len(m.Shards), each)
	return f.print(w)
}

// beside returns the file of a card for people, "" if there is none.
func (o *conversion) beside() string {
	if filepath.Ext(o.card) != ".md" {
		return ""
	}
	return strings.TrimSuffix(o.out, weights.ManifestSuffix) + ".md"
}

// readCard reads the model card: a JSON object for the manifest, or text that is put
// beside it. Both are nil without --card.
func (o *conversion) readCard() (object json.RawMessage, text []byte, err error) {
	if o.card == "" {
		return nil, nil, nil
	}
	if text, err = weights.ReadFile(o.card, modelfile.MaxText); err != nil || filepath.Ext(o.card) == ".md" {
		return nil, text, err
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, nil, fmt.Errorf("card %q: must be a JSON object: %w", o.card, err)
	}
	if members == nil {
		return nil, nil, fmt.Errorf("card %q: must be a JSON object (got null)", o.card)
	}
	return text, nil, nil
}
