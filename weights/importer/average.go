package importer

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tweedie/weights/checkpoint"
	"tweedie/weights/lazytensor"
)

// newView chooses among the copies of a network in a file: an average of its weights (EMA) if
// there is one, unless plain is set.
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
		v.found = append(v.found, fmt.Sprintf("%q contains an average of the weights, which is used", strings.TrimSuffix(v.root, ".")))
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
		named, err := v.pairLitEma(file)
		if err != nil {
			return nil, err
		}
		if others -= listed + named; listed+named == 0 {
			if err := v.refusePartialAverage(file); err != nil {
				return nil, err
			}
		}
	}
	if others > 0 {
		v.found = append(v.found, fmt.Sprintf("%d tensors that do not belong to the network are ignored", others))
	}
	return v, nil
}

// isAverage reports whether a root is named like an average. In the list that the code of DDIM
// saves (Song et al. 2020, arXiv:2010.02502) the model is the first element and the average the
// fifth.
func isAverage(root string, roots []string) bool {
	words := strings.FieldsFunc(strings.ToLower(root), func(r rune) bool { return r == '.' || r == '_' })
	if slices.Contains(words, "online") { // ema_pytorch saves the trained weights under this name next to the average
		return false
	}
	if slices.Contains(words, "ema") || slices.Contains(words, "averaged") || slices.Contains(words, "shadow") {
		return true
	}
	return strings.HasPrefix(root, "4.") && slices.ContainsFunc(roots, func(r string) bool { return strings.HasPrefix(r, "0.") })
}

// shadowParams is where torch_ema and score_sde_pytorch save averages: a list without names.
const shadowParams = "shadow_params."

// pairShadows replaces the network's parameters by the averages of such a list, which are in
// the order of the parameters, and returns the length of the list.
func (v *view) pairShadows(file *checkpoint.File, order []string) (int, error) {
	var list []*lazytensor.Tensor
	for i := range file.Tensors {
		if t := &file.Tensors[i]; strings.HasPrefix(t.Name, shadowParams) || strings.Contains(t.Name, "."+shadowParams) {
			list = append(list, t)
		}
	}
	if list == nil {
		return 0, nil
	}
	if file.Kind != checkpoint.TorchZip && file.Kind != checkpoint.TorchLegacy {
		return 0, fmt.Errorf("the list of averages, %q, has no names: it can be used in a PyTorch file, which keeps the order of tensors, this is %s: use --no-ema to take the weights as trained", list[0].Name, file.Kind)
	}
	order = slices.DeleteFunc(slices.Clone(order), func(name string) bool { return isBuffer(name) })
	if len(list) != len(order) {
		return 0, fmt.Errorf("the list of averages, %q, must have %d tensors as the network has (got %d): use --no-ema to take the weights as trained", list[0].Name, len(order), len(list))
	}
	for i, name := range order {
		if t := v.tensors[name]; !slices.Equal(list[i].Shape, t.Shape) {
			return 0, fmt.Errorf("average %q must have shape %v as %q (got %v): use --no-ema to take the weights as trained", list[i].Name, t.Shape, t.Name, list[i].Shape)
		}
	}
	for i, name := range order {
		v.tensors[name] = list[i]
	}
	v.found = append(v.found, fmt.Sprintf("%q to %q are averages of the weights, in their order, which are used", list[0].Name, list[len(list)-1].Name))
	return len(list), nil
}

// litEma is where LitEma, which training code of latent diffusion uses, saves averages: under
// names without dots, and without the outermost part of the network's name.
const litEma = "model_ema."

// pairLitEma replaces the weights by such averages and returns their number. The error names
// parameters that have no average of their shape if others have one.
func (v *view) pairLitEma(file *checkpoint.File) (int, error) {
	averages := map[string]*lazytensor.Tensor{}
	for i := range file.Tensors {
		if _, name, ok := strings.Cut(file.Tensors[i].Name, litEma); ok {
			averages[name] = &file.Tensors[i]
		}
	}
	root := v.root
	if at := strings.Index(root, "model."); at >= 0 {
		root = root[at+len("model."):]
	}
	used := map[string]*lazytensor.Tensor{}
	for name, t := range v.tensors {
		if average := averages[strings.ReplaceAll(root+name, ".", "")]; average != nil && slices.Equal(average.Shape, t.Shape) {
			used[name] = average
		}
	}
	if len(used) == 0 {
		return 0, nil
	}
	if err := v.checkComplete(litEma, used); err != nil {
		return 0, err
	}
	maps.Copy(v.tensors, used)
	v.found = append(v.found, fmt.Sprintf("%q contains an average of the weights, under names without dots, which is used", strings.TrimSuffix(litEma, ".")))
	return len(used), nil
}

// checkComplete returns an error that names the parameters for which an average has no tensor.
func (v *view) checkComplete(average string, has map[string]*lazytensor.Tensor) error {
	lacks := map[string][]int{}
	for name, t := range v.tensors {
		if has[name] == nil && !isBuffer(name) {
			lacks[name] = t.Shape
		}
	}
	if err := compare(v.root, lacks, nil); err != nil {
		return fmt.Errorf("%q contains an average of only a part of the weights: %w: use --no-ema to take the weights as trained", strings.TrimSuffix(average, "."), err)
	}
	return nil
}

// refusePartialAverage returns an error if there is an average of a part of the weights that
// lacks the names by which a family is recognized.
func (v *view) refusePartialAverage(file *checkpoint.File) error {
	const maxParts = 8 // parts of a name before the network's name
	averages := map[string]map[string]*lazytensor.Tensor{}
	for i := range file.Tensors {
		t := &file.Tensors[i]
		for at, n := 0, 0; n < maxParts; n++ {
			next := strings.IndexByte(t.Name[at:], '.')
			if next < 0 {
				break
			}
			at += next + 1
			root, name := t.Name[:at], t.Name[at:]
			if trained := v.tensors[name]; trained == nil || !slices.Equal(trained.Shape, t.Shape) || !isAverage(root, nil) {
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
		if err := v.checkComplete(root, averages[root]); err != nil {
			return err
		}
	}
	return nil
}

// isBuffer reports whether a tensor is a buffer of the network: training does not change
// buffers, and averages do not contain them.
func isBuffer(name string) bool {
	return name == "sigmas" || name == "all_modules.0.W" || strings.HasSuffix(name, ".num_batches_tracked")
}
