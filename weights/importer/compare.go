package importer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tweedie/weights/lazytensor"
)

// maxListed bounds the bytes of names that an error lists of one kind; that is about three
// hundred parameters.
const maxListed = 16 << 10

// compare reports which of the expected parameters are missing, which tensors are unexpected,
// and which have the wrong shape, in the order of their names. Names are those in the file:
// root is the prefix of the network's names.
func compare(root string, expected map[string][]int, found map[string]*lazytensor.Tensor) error {
	var missing, unexpected, wrong []string
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		t, shape := found[name], expected[name]
		switch {
		case t == nil:
			missing = append(missing, fmt.Sprintf("%q %v", root+name, shape))
		case !slices.Equal(t.Shape, shape):
			wrong = append(wrong, fmt.Sprintf("%q must be %v (got %v)", t.Name, shape, t.Shape))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, ok := expected[name]; !ok {
			unexpected = append(unexpected, fmt.Sprintf("%q %v", found[name].Name, found[name].Shape))
		}
	}
	return errors.Join(list("missing", missing), list("unexpected", unexpected), list("wrong shape", wrong))
}

// list returns an error with the number of entries and as many of them as maxListed allows, nil
// if there are none.
func list(what string, entries []string) error {
	if len(entries) == 0 {
		return nil
	}
	listed, room := 0, maxListed
	for listed < len(entries) && room >= len(entries[listed]) {
		room -= len(entries[listed]) + len("; ")
		listed++
	}
	text := strings.Join(entries[:listed], "; ")
	if more := len(entries) - listed; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return fmt.Errorf("%d %s: %s", len(entries), what, text)
}
