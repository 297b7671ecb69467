package importer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tweedie/weights/checkpoint"
	"tweedie/weights/lazytensor"
)

// newView chooses among the copies of a network in a file: an average of its weights
// (EMA) before the weights as trained, unless plain is asked for.
func newView(file *checkpoint.File, roots []string, plain bool) (*view, error) {
	v := &view{root: roots[0], file: file, tensors: map[string]*lazytensor.Tensor{}}
	for _, root := range roots {
		if isAverage(root, roots) != plain {
			v.root = root
			break
		}
	}
	average := isAverage(v.root, roots)
	if average {
		v.found = append(v.found, fmt.Sprintf("%q holds an average of the weights, which is taken", strings.TrimSuffix(v.root, ".")))
	}
	others := 0
	var order []string
	for i := range file.Tensors {
		t := &file.Tensors[i]
		if name, ok := strings.CutPrefix(t.Name, v.root); ok {
			v.tensors[name] = t
			order = append(order, name)
		} else {
			others++
		}
	}
	if !plain && !average {
		listed, err := v.pairShadows(file, order)
		if err != nil {
			return nil, err
		}
		named, err := v.pairDotless(file)
		if err != nil {
			return nil, err
		}
		if others -= listed + named; listed+named == 0 {
			if err := v.refusePart(file); err != nil {
				return nil, err
			}
		}
	}
	if others > 0 {
		v.found = append(v.found, fmt.Sprintf("%d tensors beside the network are left", others))
	}
	return v, nil
}

// isAverage reports whether a root is named as averages are. The list that the code of
// DDIM saves (Song et al. 2020, arXiv:2010.02502) has the model first and the average
// fifth.
func isAverage(root string, roots []string) bool {
	words := strings.FieldsFunc(strings.ToLower(root), func(r rune) bool { return r == '.' || r == '_' })
	if slices.Contains(words, "online") { // what ema_pytorch keeps beside its average
		return false
	}
	if slices.Contains(words, "ema") || slices.Contains(words, "averaged") || slices.Contains(words, "shadow") {
		return true
	}
	return strings.HasPrefix(root, "4.") && slices.ContainsFunc(roots, func(r string) bool { return strings.HasPrefix(r, "0.") })
}

// shadows is where torch_ema and score_sde_pytorch keep averages: a list without names.
const shadows = "shadow_params."

// pairShadows puts the averages of such a list, which come in the order of the
// network's parameters, in their place, and returns how many it holds.
func (v *view) pairShadows(file *checkpoint.File, order []string) (int, error) {
	var list []*lazytensor.Tensor
	for i := range file.Tensors {
		if t := &file.Tensors[i]; strings.HasPrefix(t.Name, shadows) || strings.Contains(t.Name, "."+shadows) {
			list = append(list, t)
		}
	}
	if list == nil {
		return 0, nil
	}
	if file.Kind != checkpoint.TorchZip && file.Kind != checkpoint.TorchLegacy {
		return 0, fmt.Errorf("the list of averages, %q, goes by the order of a PyTorch file, this is %s: --no-ema takes the network as it was trained", list[0].Name, file.Kind)
	}
	order = slices.DeleteFunc(slices.Clone(order), func(name string) bool { return isBuffer(name) })
	if len(list) != len(order) {
		return 0, fmt.Errorf("the list of averages, %q, has %d tensors, the network %d, need as many: --no-ema takes the network as it was trained", list[0].Name, len(list), len(order))
	}
	for i, name := range order {
		if t := v.tensors[name]; !slices.Equal(list[i].Shape, t.Shape) {
			return 0, fmt.Errorf("average %q is %v, need %v as %q: --no-ema takes the network as it was trained", list[i].Name, list[i].Shape, t.Shape, t.Name)
		}
	}
	for i, name := range order {
		v.tensors[name] = list[i]
	}
	v.found = append(v.found, fmt.Sprintf("%q to %q are averages of the weights, in their order, which are taken", list[0].Name, list[len(list)-1].Name))
	return len(list), nil
}

// dotless is where LitEma, of programs that train latent diffusion, keeps averages: under
// names without dots, which begin behind the network's outermost part.
const dotless = "model_ema."

// pairDotless puts such averages in the place of the weights and returns how many there
// are. The error names parameters that have none, or of another shape, where others have.
func (v *view) pairDotless(file *checkpoint.File) (int, error) {
	averages := map[string]*lazytensor.Tensor{}
	for i := range file.Tensors {
		if _, name, ok := strings.Cut(file.Tensors[i].Name, dotless); ok {
			averages[name] = &file.Tensors[i]
		}
	}
	root := v.root
	if at := strings.Index(root, "model."); at >= 0 {
		root = root[at+len("model."):]
	}
	taken := map[string]*lazytensor.Tensor{}
	for name, t := range v.tensors {
		if average := averages[strings.ReplaceAll(root+name, ".", "")]; average != nil && slices.Equal(average.Shape, t.Shape) {
			taken[name] = average
		}
	}
	if len(taken) == 0 {
		return 0, nil
	}
	if err := v.whole(dotless, taken); err != nil {
		return 0, err
	}
	maps.Copy(v.tensors, taken)
	v.found = append(v.found, fmt.Sprintf("%q holds an average of the weights, under names without dots, which is taken", strings.TrimSuffix(dotless, ".")))
	return len(taken), nil
}

// whole returns an error that names the parameters which an average leaves out.
func (v *view) whole(average string, has map[string]*lazytensor.Tensor) error {
	lacks := map[string][]int{}
	for name, t := range v.tensors {
		if has[name] == nil && !isBuffer(name) {
			lacks[name] = t.Shape
		}
	}
	if err := compare(v.root, lacks, nil); err != nil {
		return fmt.Errorf("%q holds an average of a part of the weights: %w: --no-ema takes the network as it was trained", strings.TrimSuffix(average, "."), err)
	}
	return nil
}

// refusePart returns an error if there is an average of a part of the weights, which lacks
// the names that a network is known by.
func (v *view) refusePart(file *checkpoint.File) error {
	const deep = 8 // parts of a name before the network's
	averages := map[string]map[string]*lazytensor.Tensor{}
	for i := range file.Tensors {
		t := &file.Tensors[i]
		for at, n := 0, 0; n < deep; n++ {
			next := strings.IndexByte(t.Name[at:], '.')
			if next < 0 {
				break
			}
			at += next + 1
			root, name := t.Name[:at], t.Name[at:]
			if own := v.tensors[name]; own == nil || !slices.Equal(own.Shape, t.Shape) || !isAverage(root, nil) {
				continue
			}
			if averages[root] == nil {
				averages[root] = map[string]*lazytensor.Tensor{}
			}
			averages[root][name] = t
			break
		}
	}
	for _, root := range slices.Sorted(maps.Keys(averages)) {
		if err := v.whole(root, averages[root]); err != nil {
			return err
		}
	}
	return nil
}

// isBuffer reports whether a tensor of a network is none of its parameters: what
// training does not change, and averages leave out.
func isBuffer(name string) bool {
	return name == "sigmas" || name == "all_modules.0.W" || strings.HasSuffix(name, ".num_batches_tracked")
}
