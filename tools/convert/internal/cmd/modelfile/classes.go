package modelfile

import (
	"fmt"
	"slices"

	"tweedie/core/dataset"
	"tweedie/core/model"
)

// ClassesOf returns the model's number of the class of each of the first n pictures of a
// data set, -1 for a model without classes. Classes are matched by their names.
func ClassesOf(c model.Config, set *dataset.Dataset, n int) ([]int, error) {
	class := make([]int, n)
	for i := range class {
		if class[i] = -1; len(c.Classes) == 0 {
			continue
		}
		if len(set.Classes) == 0 {
			return nil, fmt.Errorf("the model has classes %q and the pictures have none", c.Classes)
		}
		name := set.Classes[set.Labels[i]]
		if class[i] = slices.Index(c.Classes, name); class[i] < 0 {
			return nil, fmt.Errorf("the class of picture %d must be one of the model's %q (got %q)", i, c.Classes, name)
		}
	}
	return class, nil
}
