package convert

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
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
	nullClass         int
	json, plain       bool
	checkpoint        importer.Hints
	storage           storage
	onnx              onnxFlags
}

func newConvert() *cobra.Command {
	var o conversion
	cmd := &cobra.Command{
		Use:   "convert IN -o MODEL.json",
		Short: "Convert a checkpoint into a model",
		Long: `Convert converts a checkpoint into a model: a manifest, MODEL.json, with shards next to
it. IN is a safetensors file (or the index of several), a file of torch.save (.pt, .pth,
.ckpt, .bin; nothing in it is executed) or of numpy.savez, a diffusers folder, an ONNX
file with any network, or a model, to quantize it, rename it or add a card.

Convert recognises these networks by the names and shapes of their weights:
` + strings.Join(importer.Families(), ", ") + `.
If the file has averaged weights (EMA), convert takes these. It prints on standard error
what it found, and what it assumed because the checkpoint does not say; flags override
these assumptions. An ONNX file is run as its graph says; use --prediction, --beta-schedule
or --process, --pixels and --null-class to say how it was trained.

Convert measures how closely the model matches IN and prints a table of signal-to-noise
ratios in decibels: for the denoised image D(x;sigma) at five noise levels, and for images
generated from one seed. With int8, int4 and mixed, weights are rounded layer by layer so
that their errors compensate each other on a set of images.`,
		Example: `  tweedie convert ddpm-folder -o ddpm.json --quant f16
  tweedie convert ema_0.9999_050000.pt -o guided.json --size 64 --head-channels 64 --beta-schedule cosine
  tweedie convert denoiser.onnx -o denoiser.json --prediction v --beta-schedule cosine
  tweedie convert flow.onnx -o flow.json --prediction velocity-to-data --pixels 0,1
  tweedie convert runs/mnist/model.json -o mnist.json --quant int8 --card card.json --title "MNIST digits"
  tweedie convert runs/mnist/model.json -o small.json --quant mixed --budget 0.5 --data data/mnist`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	f := cmd.Flags()
	flags.Output(cmd, &o.out, "manifest of the model, a .json file")
	o.storage.add(cmd)
	f.StringVar(&o.arch, "arch", "auto", "kind of network in IN: "+strings.Join(archs(), ", "))
	f.StringVar(&o.name, "name", "", "name of the model (default: IN's own)")
	f.StringVar(&o.title, "title", "", "title of the model on the page")
	f.StringVar(&o.card, "card", "", "model card: a .json file goes into the manifest, an .md file next to it")
	f.StringVar(&o.sampler, "sampler", "", "default sampler of the model")
	f.IntVar(&o.steps, "steps", 0, "default number of steps of the model")
	f.Float64Var(&o.guidance, "guidance", 0, "default guidance of the model")
	f.IntVar(&o.nullClass, "null-class", 0, "number of the class that means no class, if IN does not say: it makes guidance possible")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	archFlags(f, &o.checkpoint, &o.plain)
	o.onnx.add(f)
	cmd.RegisterFlagCompletionFunc("arch", cobra.FixedCompletions(archs(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// check refuses values of flags that are wrong for every input.
func (o *conversion) check(given func(flag string) bool) error {
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
		return flags.Misused("--arch must be one of %s (got %q)", strings.Join(archs(), ", "), o.arch)
	}
	if given("steps") && (o.steps < 1 || o.steps > engine.MaxSteps) {
		return flags.Misused("--steps must be from 1 to %d (got %d)", engine.MaxSteps, o.steps)
	}
	if given("guidance") && !(o.guidance > 0 && o.guidance <= math.MaxFloat32) {
		return flags.Misused("--guidance must be a number above 0 (got %g)", o.guidance)
	}
	if ext := filepath.Ext(o.card); o.card != "" && ext != ".json" && ext != ".md" {
		return flags.Misused("--card must be a .json or .md file (got %q)", o.card)
	}
	return nil
}

func (o *conversion) run(cmd *cobra.Command, path string) error {
	if err := o.check(cmd.Flags().Changed); err != nil {
		return err
	}
	defer modelfile.Sparing()()
	card, text, err := o.readCard()
	if err != nil {
		return err
	}
	m, own, assumed, done, err := o.read(cmd, path)
	if done != nil {
		defer done()
	}
	if err != nil {
		return err
	}
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
	if err := opens(manifest, m); err != nil {
		return err
	}
	if err := output.Prepare(o.out, o.cardFile()); err != nil {
		return err
	}
	fidelity, err := o.storage.write(cmd, o.out, manifest, m)
	if err != nil {
		return err
	}
	if text != nil {
		if err := weights.WriteAtomic(o.cardFile(), text); err != nil {
			return err
		}
	}
	return o.report(cmd.OutOrStdout(), manifest, m.Parameters(), assumed, fidelity)
}

// read reads IN and the card of a model, and prints what it found and assumed. done closes
// the files that the weights are read from.
func (o *conversion) read(cmd *cobra.Command, path string) (m *model.Model, card json.RawMessage, assumed []string, done func() error, err error) {
	if filepath.Ext(path) == modelfile.ONNXSuffix {
		net, m, found, assumed, err := o.onnx.read(path, o.checkpoint)
		if err != nil {
			return nil, nil, nil, nil, err
		}
		assumed = withoutNull(cmd, m, assumed)
		o.print(cmd, found, assumed)
		return m, nil, assumed, net.Close, refuseUnused(cmd, "an ONNX file", onnxTakes(m))
	}
	isModel := o.arch == "tweedie" || o.arch == "auto" && filepath.Ext(path) == weights.ManifestSuffix && !checkpoint.HasKnownSuffix(path)
	if !isModel {
		hints := o.checkpoint
		hints.Process = o.onnx.process
		ck, err := importer.Read(path, importer.Options{Arch: o.arch, Plain: o.plain, Hints: hints})
		if err != nil {
			return nil, nil, nil, nil, err
		}
		assumed := withoutNull(cmd, ck.Model, ck.Assumed)
		o.print(cmd, ck.Found, assumed)
		return ck.Model, nil, assumed, ck.Close, refuseUnused(cmd, "a checkpoint of "+ck.Family, append(ck.Takes(), "no-ema", "arch"))
	}
	m, r, err := modelfile.Read(path)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	return m, json.RawMessage(r.Manifest.Card), nil, r.Close, refuseUnused(cmd, "a model", []string{"arch"})
}

// print prints what was found in IN and what is assumed.
func (o *conversion) print(cmd *cobra.Command, found, assumed []string) {
	for _, text := range found {
		fmt.Fprintf(cmd.ErrOrStderr(), "found: %s\n", output.Printable(text))
	}
	for _, text := range assumed {
		fmt.Fprintf(cmd.ErrOrStderr(), "assumed: %s\n", output.Printable(text))
	}
}

// changed returns m with the name, title and defaults of the flags.
func (o *conversion) changed(cmd *cobra.Command, m *model.Model) (*model.Model, error) {
	given := cmd.Flags().Changed
	config, name := m.Config(), m.Name()
	if given("name") {
		name = o.name
	}
	if given("title") {
		config.Title = o.title
	}
	if given("null-class") {
		if err := setNullClass(&config, o.nullClass); err != nil {
			return nil, err
		}
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
	fmt.Fprintf(w, "%s: %d parameters as %s, %d bytes in %d shards, %.3f bytes per parameter\n",
		o.out, parameters, o.storage.quant, m.Bytes(), len(m.Shards), each)
	return f.print(w)
}

// cardFile returns the file next to the manifest that a card in Markdown is written to, ""
// if there is none.
func (o *conversion) cardFile() string {
	if filepath.Ext(o.card) != ".md" {
		return ""
	}
	return strings.TrimSuffix(o.out, weights.ManifestSuffix) + ".md"
}

// readCard reads the model card: a JSON object for the manifest, or a text to write next to
// it. Both are nil without --card.
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
