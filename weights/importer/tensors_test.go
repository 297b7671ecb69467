package importer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tweedie/weights"
	"tweedie/weights/checkpoint"
	"tweedie/weights/lazytensor"
)

// planned plans a family's network for tensors. It reads their numbers only if the plan needs
// them.
func planned(tensors []weights.Tensor, family string, h Hints) error {
	file := &checkpoint.File{Path: "net.pt"}
	for _, v := range tensors {
		file.Tensors = append(file.Tensors, lazytensor.Tensor{Name: v.Name, DType: v.DType, Shape: v.Shape, Read: func() ([]byte, error) { return v.Data, nil }})
	}
	f, v, err := identify(file, files{weights: "net.pt"}, Options{Arch: family})
	if err != nil {
		return err
	}
	p, err := f.plan(v, h)
	if err != nil {
		return err
	}
	net, err := p.config.Build()
	if err != nil {
		return err
	}
	_, err = p.source(net.Program.Params, v)
	return err
}

// ambiguous are tensors without which a file is that of another kind of network, so that the
// error is about that kind.
var ambiguous = []string{
	"all_modules.0.W",                      // Fourier features
	"label_emb.weight", "map_label.weight", // classes
	"mem_kv", "downs.0.3.weight", "sigmas",
}

// TestEveryTensorIsChecked: in every family a missing tensor is named, and an additional tensor
// or one of another shape is an error.
func TestEveryTensorIsChecked(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	for _, tt := range parityCases {
		if slices.Contains([]string{"lucid16", "ncsnv2deeper", "ncsnv2deepest", "learned"}, tt.name) {
			continue // similar to other cases
		}
		t.Run(tt.name, func(t *testing.T) {
			state := readCase(t, tt.name).state
			if err := planned(state, tt.family, tt.hints); err != nil {
				t.Fatal(err)
			}
			check := func(what, name string, tensors []weights.Tensor) {
				err := planned(tensors, tt.family, tt.hints)
				ambiguous := slices.ContainsFunc(ambiguous, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
				switch valid := strings.HasSuffix(name, "label_emb.weight") && what != "deeper" || tt.name == "dhariwal" && name == "map_label.weight" && what == "without"; {
				case err == nil && !valid: // valid: without the table, or with another row, it is a network of another number of classes
					t.Errorf("%s %s: no error", what, name)
				case err != nil && what == "without" && !ambiguous && !strings.Contains(err.Error(), fmt.Sprintf("%q", name)):
					t.Errorf("%s %s: got error %.300v", what, name, err)
				}
			}
			for i, v := range state {
				if strings.HasSuffix(v.Name, "resample_filter") || strings.HasPrefix(v.Name, "map_augment") {
					continue // ignored
				}
				check("without", v.Name, slices.Delete(slices.Clone(state), i, i+1))
				if i%5 > 0 {
					continue // testing all would take long
				}
				longer := slices.Clone(state)
				longer[i].Shape = append([]int{v.Shape[0] + 1}, v.Shape[1:]...)
				longer[i].Data = make([]byte, 4*longer[i].Len())
				check("longer", v.Name, longer)
				deeper := slices.Clone(state)
				deeper[i].Shape = append([]int{1}, v.Shape...)
				check("deeper", v.Name, deeper)
			}
			extra := weights.Tensor{Name: "extra.weight", DType: weights.F32, Shape: []int{1}, Data: make([]byte, 4)}
			check("with", extra.Name, append(slices.Clone(state), extra))
		})
	}
}
