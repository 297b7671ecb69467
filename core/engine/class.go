package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tweedie/core/minijson"
	"tweedie/core/settings"
)

// Class names a class of the model as a person writes it: by name, by number in
// decimal digits, or "none" for no class. A name wins over the same digits.
type Class string

// Classes is the list that a request deals out over its images. In JSON it is a
// string or a whole number, or an array of them.
type Classes []Class

// The words for no class, and for all classes in turn.
const (
	ClassNone = "none"
	ClassAll  = "all"
)

// classSetting describes classes that stand alone.
var classSetting = settings.Setting{Name: "class", Kind: settings.Classes}

// Set reads names or numbers with commas between, or "all" for all classes in turn.
func (c *Classes) Set(text string) error {
	*c = nil
	if text == ClassAll {
		return nil
	}
	for name := range strings.SplitSeq(text, ",") {
		*c = append(*c, Class(strings.TrimSpace(name)))
	}
	return nil
}

// String returns what Set reads, or "" for all classes in turn.
func (c *Classes) String() string {
	names := make([]string, len(*c))
	for i, class := range *c {
		names[i] = string(class)
	}
	return strings.Join(names, ",")
}

// ReadJSON reads one class or an array of classes.
func (c *Classes) ReadJSON(data []byte) error {
	if text := string(data); text == "null" || text == `"all"` {
		*c = nil
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
		return settings.Errorf("class", settings.Raw(data), "a list of at least one class")
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
		return "", classSetting.Refuse(settings.Raw(data))
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
	case c == ClassNone && (unconditional || len(names) == 0):
		return -1, nil
	case c == ClassNone:
		return 0, settings.Errorf("class", ClassNone, "%s: the model was not trained without a class", oneOf(names))
	case len(names) == 0:
		return 0, settings.Errorf("class", string(c), "none, or left out: the model has no classes")
	}
	return 0, settings.Errorf("class", string(c), "%s", oneOf(names))
}

// oneOf says which classes can be asked for, in short where there are many.
func oneOf(names []string) string {
	if len(names) <= 12 {
		return "one of " + settings.List(names, "or")
	}
	return fmt.Sprintf("a class of the model, a number from 0 to %d or a name from %q to %q", len(names)-1, names[0], names[len(names)-1])
}

// classList writes the classes of a model for an error, in short where there are many.
func classList(names []string) string {
	if len(names) <= 12 {
		return fmt.Sprintf("%q", names)
	}
	return fmt.Sprintf("%q to %q (%d of them)", names[0], names[len(names)-1], len(names))
}
