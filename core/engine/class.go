package engine

import (
	"fmt"
	"slices"
	"strconv"

	"tweedie/core/minijson"
)

// Class names a class of the model as a person writes it: by name, by number in
// decimal digits, or "none" for no class. A name wins over the same digits.
type Class string

// Classes is the list that a request deals out over its images. In JSON it is a
// string or a whole number, or an array of them.
type Classes []Class

// none is the word for no class.
const none = "none"

// ReadJSON reads one class or an array of classes.
func (c *Classes) ReadJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var items []minijson.RawMessage
	if len(data) == 0 || data[0] != '[' {
		items = []minijson.RawMessage{data}
	} else if err := minijson.Unmarshal(data, &items); err != nil {
		return err
	}
	out := make(Classes, len(items))
	for i, item := range items {
		class, err := parseClass(item)
		if err != nil {
			return err
		}
		out[i] = class
	}
	if len(out) == 0 {
		return fmt.Errorf("engine: class: found an empty list, need at least one class")
	}
	*c = out
	return nil
}

// UnmarshalJSON does the same for encoding/json.
func (c *Classes) UnmarshalJSON(data []byte) error { return c.ReadJSON(data) }

// parseClass reads one class from JSON.
func parseClass(data []byte) (Class, error) {
	var name string
	if data[0] == '"' && minijson.Unmarshal(data, &name) == nil {
		return Class(name), nil
	}
	if _, err := strconv.ParseUint(string(data), 10, 31); err != nil {
		return "", fmt.Errorf("engine: class: found %s, need a name, a whole number from 0, or \"none\"", data)
	}
	return Class(data), nil
}

// resolve returns the number of c among names, or -1 for "none", which a model
// with names has to have been trained for.
func (c Class) resolve(names []string, unconditional bool) (int, error) {
	if i := slices.Index(names, string(c)); i >= 0 {
		return i, nil
	}
	switch i, err := strconv.Atoi(string(c)); {
	case err == nil && 0 <= i && i < len(names):
		return i, nil
	case c == none && (unconditional || len(names) == 0):
		return -1, nil
	case c == none:
		return 0, fmt.Errorf("engine: class: found \"none\", need one of %s: the model was not trained without a class", listing(names))
	case len(names) == 0:
		return 0, fmt.Errorf("engine: class: found %q, need none: the model has no classes", string(c))
	}
	return 0, fmt.Errorf("engine: class: found %q, need one of %s", string(c), listing(names))
}

// listing writes names for an error, in short where there are many.
func listing(names []string) string {
	if len(names) <= 12 {
		return fmt.Sprintf("%q", names)
	}
	return fmt.Sprintf("%q … %q, or 0 to %d", names[0], names[len(names)-1], len(names)-1)
}
