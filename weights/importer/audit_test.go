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

// planned fits tensors into a family's network, without their numbers where a plan needs
// none.
func planned(tensors []weights.Tensor, family string, h Hints) error {
	file := &checkpoint.File{Path: "net.pt"}
	for _, v := range tensors {
		file.Tensors = append(file.Tensors, lazytensor.Tensor{Name: v.Name, DType: v.DType, Shape: v.Shape, Read: func() ([]byte, error) { return v.Data, nil }})
	}
	f, v, err := choose(file, files{weights: "net.pt"}, Options{Arch: family})
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

// telling are tensors without which a network is taken for another one, or for one of
// another make: what is then wrong with that is said.
var telling = []string{
	"all_modules.0.W",                      // Fourier features
	"label_emb.weight", "map_label.weight", // classes
	"mem_kv", "downs.0.3.weight", "sigmas",
}

// TestEveryTensorCounts: of every family, a tensor that is missing is named, whichever it
// is, and one too many or with another shape is an error.
func TestEveryTensorCounts(t *testing.T) {
	for _, tt := range parityCases {
		if slices.Contains([]string{"lucid16", "ncsnv2deeper", "ncsnv2deepest", "learned"}, tt.name) {
			continue // as others
		}
		t.Run(tt.name, func(t *testing.T) {
			state := readCase(t, tt.name).state
			if err := planned(state, tt.family, tt.hints); err != nil {
				t.Fatal(err)
			}
			check := func(what, name string, tensors []weights.Tensor) {
				err := planned(tensors, tt.family, tt.hints)
				tells := slices.ContainsFunc(telling, func(suffix string) bool { return strings.HasSuffix(name, suffix) })
				switch unsaid := strings.HasSuffix(name, "label_emb.weight") && what != "deeper" || tt.name == "dhariwal" && name == "map_label.weight" && what == "without"; {
				case err == nil && !unsaid: // without its table, or with another row, it is a network of that many classes
					t.Errorf("%s %s: no error", what, name)
				case err != nil && what == "without" && !tells && !strings.Contains(err.Error(), fmt.Sprintf("%q", name)):
					t.Errorf("%s %s: got error %.300v", what, name, err)
				}
			}
			for i, v := range state {
				if strings.HasSuffix(v.Name, "resample_filter") || strings.HasPrefix(v.Name, "map_augment") {
					continue // left out
				}
				check("without", v.Name, slices.Delete(slices.Clone(state), i, i+1))
				if i%5 > 0 {
					continue // the others take long
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
