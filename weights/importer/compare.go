package importer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tweedie/weights/lazytensor"
)

// maxListed bounds the bytes of the names of one kind that an error lists: those of some
// three hundred parameters.
const maxListed = 16 << 10

// compare says which of the expected parameters are missing, which tensors are
// unexpected, and which have another shape, by their names in the file, of which root is
// what stands before the network's, and in the order of names.
func compare(root string, expected map[string][]int, found map[string]*lazytensor.Tensor) error {
	var missing, unexpected, wrong []string
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		t, shape := found[name], expected[name]
		switch {
		case t == nil:
			missing = append(missing, fmt.Sprintf("%q %v", root+name, shape))
		case !slices.Equal(t.Shape, shape):
			wrong = append(wrong, fmt.Sprintf("%q is %v, need %v", t.Name, t.Shape, shape))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, ok := expected[name]; !ok {
			unexpected = append(unexpected, fmt.Sprintf("%q %v", found[name].Name, found[name].Shape))
		}
	}
	return errors.Join(list("missing", missing), list("unexpected", unexpected), list("wrong shape", wrong))
}

// list returns an error that counts and lists, nil for nothing.
func list(what string, entries []string) error {
	if len(entries) == 0 {
		return nil
	}
	listed, left := 0, maxListed
	for listed < len(entries) && left >= len(entries[listed]) {
		left -= len(entries[listed]) + len("; ")
		listed++
	}
	text := strings.Join(entries[:listed], "; ")
	if more := len(entries) - listed; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return fmt.Errorf("%d %s: %s", len(entries), what, text)
}
