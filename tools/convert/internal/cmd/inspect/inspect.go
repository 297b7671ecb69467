package inspect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/core/model"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/weights"
	"tweedie/weights/checkpoint"
	"tweedie/weights/importer"
)

func newInspect() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show the contents of a model or of another program's file of weights",
		Long: `Inspect shows the contents of a model (its manifest, a .json file): configuration, card,
samplers, shards, and the name, type, shape, size and SHA-256 of each tensor. For a file
of safetensors (or the index of several), of torch.save or of numpy.savez it shows the
tensors, the metadata and the kind of network; for an .onnx file the inputs, outputs,
operators and tensors, and whether Tweedie can run the graph.`,
		Example: `  tweedie inspect weights/models/mnist.json
  tweedie inspect ema_0.9999_050000.pt
  tweedie inspect diffusion_pytorch_model.safetensors --json
  tweedie inspect denoiser.onnx`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: checkpoints,
		RunE: func(cmd *cobra.Command, args []string) error {
			defer modelfile.Sparing()()
			if filepath.Ext(args[0]) == modelfile.ONNXSuffix {
				return inspectONNX(cmd.OutOrStdout(), args[0], asJSON)
			}
			manifest, err := isManifest(args[0])
			if err != nil {
				return err
			}
			if manifest {
				d, err := weights.Describe(args[0])
				if err != nil {
					return err
				}
				return shown{d, nil}.print(cmd, asJSON, all)
			}
			path, err := importer.Locate(args[0])
			if err != nil {
				return err
			}
			d, err := foreign(path)
			if err != nil {
				return err
			}
			return d.print(cmd, asJSON, all)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().BoolVar(&all, "hashes", false, "print the full hashes of tensors")
	return cmd
}

// checkpoints completes the paths of files that inspect and verify read, in a shell.
func checkpoints(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	extensions := []string{"json", "onnx"}
	for _, suffix := range checkpoint.Suffixes {
		extensions = append(extensions, strings.TrimPrefix(filepath.Ext(suffix), "."))
	}
	return extensions, cobra.ShellCompDirectiveFilterFileExt
}

// isManifest reports whether the file at path is a model's manifest, by its name or because it
// is a JSON object, but not the index of several files of weights.
func isManifest(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() || strings.HasSuffix(path, ".index.json") {
		return false, err
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	start := make([]byte, 64)
	n, err := io.ReadFull(f, start)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, err
	}
	text := bytes.TrimLeft(start[:n], " \t\r\n\ufeff")
	return strings.HasSuffix(path, weights.ManifestSuffix) || len(text) == 0 || text[0] == '{', nil
}

// shown is what inspect shows. Network is set for files of other programs.
type shown struct {
	*weights.Description
	Network []string `json:"network,omitempty"`
}

// foreign describes a file of weights of another program.
func foreign(path string) (*shown, error) {
	f, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := f.Describe()
	if err != nil {
		return nil, err
	}
	found := importer.Recognize(f)
	if len(f.Aside) > 0 {
		found = append(found, "values that are not tensors were set aside, and nothing was executed: "+strings.Join(f.Aside, ", "))
	}
	return &shown{d, found}, nil
}

// print prints it, as JSON or for people.
func (s shown) print(cmd *cobra.Command, asJSON, all bool) error {
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(s)
	}
	for _, text := range s.Network {
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n", output.Printable(text))
	}
	return describe(cmd.OutOrStdout(), s.Description, all)
}

// describe prints d for people.
func describe(w io.Writer, d *weights.Description, all bool) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(tab, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("file", "%s", d.Path)
	row("kind", "%s", d.Kind)
	if d.Name != "" {
		row("name", "%s", output.Printable(d.Name))
	}
	row("parameters", "%d", d.Parameters)
	row("bytes", "%d stored, %d unpacked", d.Bytes, d.RawBytes)
	if d.SHA256 != "" {
		row("sha256", "%s", d.SHA256)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Metadata)) {
		row("metadata", "%s: %s", output.Printable(name), output.Printable(d.Metadata[name]))
	}
	for _, s := range d.Shards {
		row("shard", "%s, %d bytes, SHA-256 %s", s.File, s.Bytes, s.SHA256)
	}
	for _, part := range []struct {
		name string
		text json.RawMessage
	}{{"config", brief(json.RawMessage(d.Config))}, {"card", json.RawMessage(d.Card)}} {
		var line bytes.Buffer
		if len(part.text) > 0 && json.Compact(&line, part.text) == nil {
			row(part.name, "%s", output.Printable(line.String()))
		}
	}
	if c, err := model.ParseConfig(d.Config); d.Kind == weights.KindModel && err == nil {
		var names []string
		for _, m := range engine.SamplersOf(c) {
			names = append(names, m.Name)
		}
		row("samplers", "%s", strings.Join(names, ", "))
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	fmt.Fprintln(tab, "tensor\ttype\tshape\tbytes\tsha256")
	for _, t := range d.Tensors {
		hash := t.SHA256
		if !all {
			hash = hash[:min(len(hash), 12)]
		}
		fmt.Fprintf(tab, "%s\t%s\t%v\t%d\t%s\n", output.Printable(t.Name), t.DType, t.Shape, t.Bytes, hash)
	}
	return tab.Flush()
}

// brief returns a configuration in which the program, if there is one, is replaced by the
// number of its operations. --json prints all of it.
func brief(config json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	var program struct{ Ops []json.RawMessage }
	if json.Unmarshal(config, &members) != nil || members["program"] == nil || json.Unmarshal(members["program"], &program) != nil {
		return config
	}
	members["program"] = fmt.Appendf(nil, "%q", fmt.Sprintf("%d operations", len(program.Ops)))
	if short, err := json.Marshal(members); err == nil {
		return short
	}
	return config
}
