package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tweedie/core/model"
	"tweedie/wasm/engine"
	"tweedie/weights"
)

func newInspect() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what is in a model or a safetensors file",
		Long: `Inspect shows what is in a model (its manifest, a .json file) or in a .safetensors
file: configuration, card, samplers, shards, and name, type, shape, size and
SHA-256 of each tensor.`,
		Example: `  tweedie inspect weights/models/mnist.json
  tweedie inspect diffusion_pytorch_model.safetensors --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: checkpoints,
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := weights.Describe(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(d)
			}
			return describe(cmd.OutOrStdout(), d, all)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	cmd.Flags().BoolVar(&all, "hashes", false, "print hashes of tensors in full")
	return cmd
}

// checkpoints completes the paths of files that inspect and verify read.
func checkpoints(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"json", "safetensors"}, cobra.ShellCompDirectiveFilterFileExt
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
		row("name", "%s", printable(d.Name))
	}
	row("parameters", "%d", d.Parameters)
	row("bytes", "%d stored, %d unpacked", d.Bytes, d.RawBytes)
	if d.SHA256 != "" {
		row("sha256", "%s", d.SHA256)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Metadata)) {
		row("metadata", "%s: %s", printable(name), printable(d.Metadata[name]))
	}
	for _, s := range d.Shards {
		row("shard", "%s, %d bytes, SHA-256 %s", s.File, s.Bytes, s.SHA256)
	}
	for _, part := range []struct {
		name string
		text json.RawMessage
	}{{"config", json.RawMessage(d.Config)}, {"card", json.RawMessage(d.Card)}} {
		var line bytes.Buffer
		if len(part.text) > 0 && json.Compact(&line, part.text) == nil {
			row(part.name, "%s", printable(line.String()))
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
		fmt.Fprintf(tab, "%s\t%s\t%v\t%d\t%s\n", printable(t.Name), t.DType, t.Shape, t.Bytes, hash)
	}
	return tab.Flush()
}

// printable returns text without the characters that move a terminal's cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '�'
		}
		return r
	}, text)
}
