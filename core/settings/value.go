package settings

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"tweedie/core/minijson"
)

// Value is a setting and the variable that holds it. As its zero, a nil pointer for a
// pointer, the variable means that the setting is not given. Value is a pflag.Value.
type Value struct {
	Setting
	To any // *int, **int, *float64, **float64, *uint64, *string, *bool or a Custom
}

// Custom is a variable that reads itself, a pointer to a type such as a list of classes.
type Custom interface {
	Set(text string) error // of a query or a flag; the error is a *FieldError
	String() string        // what Set reads, empty where it is not given
	minijson.Reader
}

// Set reads the text of a query or a flag. The error is a *FieldError, and the variable
// is as before then.
func (v Value) Set(text string) error {
	switch to := v.To.(type) {
	case Custom:
		return to.Set(text)
	case *string:
		if err := v.CheckChoice(text); err != nil {
			return err
		}
		*to = text
	case *bool:
		if text != "0" && text != "1" && text != "false" && text != "true" {
			return v.Refuse(text)
		}
		*to = text == "1" || text == "true"
	case *uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return v.refuseText(text)
		}
		if err := v.CheckNumber(float64(n)); err != nil {
			return err
		}
		*to = n
	case *int:
		return v.setInt(text, to)
	case **int:
		n := new(int)
		if err := v.setInt(text, n); err != nil {
			return err
		}
		*to = n
	case *float64:
		return v.setFloat(text, to)
	case **float64:
		x := new(float64)
		if err := v.setFloat(text, x); err != nil {
			return err
		}
		*to = x
	}
	return nil
}

func (v *Setting) setInt(text string, to *int) error {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return v.refuseText(text)
	}
	if err := v.CheckNumber(float64(n)); err != nil {
		return err
	}
	*to = int(n)
	return nil
}

// ParseNumber is strconv.ParseFloat for decimal numbers alone: a browser reads no others.
func ParseNumber(text string) (float64, error) {
	if strings.ContainsAny(text, "xX_") {
		return 0, errors.New("settings: the number is not decimal")
	}
	return strconv.ParseFloat(text, 64)
}

func (v *Setting) setFloat(text string, to *float64) error {
	x, err := ParseNumber(text)
	if err != nil || math.IsNaN(x) {
		return v.refuseText(text)
	}
	if err := v.CheckNumber(x); err != nil {
		return err
	}
	*to = x + 0 // −0 is 0
	return nil
}

// refuseText is Refuse for a text that should have been a number: in quotes unless it
// is one.
func (v *Setting) refuseText(text string) error {
	if _, err := ParseNumber(text); err == nil || errors.Is(err, strconv.ErrRange) {
		return &FieldError{Field: v.Name, Got: clip(text), Want: v.Want()}
	}
	return v.Refuse(text)
}

// String returns the text that Set reads, empty where the setting is not given.
func (v Value) String() string {
	if v.To == nil || !v.Given() { // pflag asks a Value of nothing
		return ""
	}
	switch to := v.To.(type) {
	case Custom:
		return to.String()
	case *string:
		return *to
	case *bool:
		return "1"
	case *uint64:
		return strconv.FormatUint(*to, 10)
	case *int:
		return strconv.Itoa(*to)
	case **int:
		return strconv.Itoa(**to)
	}
	return strconv.FormatFloat(v.float(), 'g', -1, 64)
}

// Type names the kind of value in a command's help.
func (v Value) Type() string {
	switch v.Kind {
	case Whole, Seed:
		return "int"
	case Real:
		return "float"
	case Switch:
		return "bool"
	}
	return "string"
}

// Given reports whether the setting is given.
func (v Value) Given() bool {
	switch to := v.To.(type) {
	case Custom:
		return to.String() != ""
	case *string:
		return *to != ""
	case *bool:
		return *to
	case *uint64:
		return *to != 0
	case *int:
		return *to != 0
	case **int:
		return *to != nil
	case **float64:
		return *to != nil
	}
	return v.float() != 0
}

// float returns a number that is given.
func (v Value) float() float64 {
	switch to := v.To.(type) {
	case *uint64:
		return float64(*to)
	case *int:
		return float64(*to)
	case **int:
		return float64(**to)
	case *float64:
		return *to
	case **float64:
		return **to
	}
	panic("settings: " + v.Name + " is in a variable of a type that package settings does not read")
}

// Check returns a *FieldError if the setting is given and not in its range: what Set
// and ReadJSON see to, for a variable that a program has set.
func (v Value) Check() error {
	if !v.Given() {
		return nil
	}
	switch to := v.To.(type) {
	case *uint64, *int, **int, *float64, **float64:
		return v.CheckNumber(v.float())
	case *string:
		return v.CheckChoice(*to)
	}
	return nil
}

// ReadJSON reads a JSON value; null means that the setting is not given.
func (v Value) ReadJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		return nil
	}
	quoted, number := data[0] == '"', data[0] == '-' || data[0] >= '0' && data[0] <= '9'
	switch to := v.To.(type) {
	case Custom:
		return to.ReadJSON(data)
	case *string:
		if quoted {
			return v.Set(minijson.Text(data))
		}
	case *bool:
		if text == "true" || text == "false" {
			*to = text == "true"
			return nil
		}
		return &FieldError{Field: v.Name, Got: minijson.Clip(text), Want: "true or false"}
	default:
		if number {
			return v.Set(text)
		}
	}
	return &FieldError{Field: v.Name, Got: minijson.Clip(text), Want: v.Want()}
}

// Read reads a JSON object of settings. The error is a *FieldError, also for a name
// that is none of theirs, or one of minijson.
func Read(data []byte, values []Value) error {
	object, err := minijson.Parse(data)
	if err != nil {
		return err
	}
	if object[0] != '{' {
		return &minijson.TypeError{Got: minijson.Describe(object), Want: "an object"}
	}
	for name, member := range minijson.Members(object) {
		v, ok := Find(values, name)
		if !ok {
			return Unknown(name, Names(values))
		}
		if err := v.ReadJSON(member); err != nil {
			return err
		}
	}
	return nil
}

// Check returns a *FieldError for the first setting that is given and out of its range,
// or has no effect with the others.
func Check(values []Value) error {
	for _, v := range values {
		if err := v.Check(); err != nil {
			return err
		}
	}
	return CheckApplies(values)
}

// CheckApplies returns a *FieldError if a setting is given where it has no effect,
// because of the value of another that Only names.
func CheckApplies(values []Value) error {
	for _, v := range values {
		if v.Only == "" || !v.Given() {
			continue
		}
		name, allowed, _ := strings.Cut(v.Only, "=")
		other, _ := Find(values, name)
		if words := strings.Split(strings.TrimPrefix(allowed, "|"), "|"); !v.Applies(other.String()) {
			return Errorf(v.Name, v.Got(), "left out unless %s is %s", name, List(words, "or"))
		}
	}
	return nil
}

// Find returns the value of a setting.
func Find(values []Value, name string) (Value, bool) {
	for _, v := range values {
		if v.Name == name {
			return v, true
		}
	}
	return Value{}, false
}

// Names returns the names of the settings.
func Names(values []Value) []string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = v.Name
	}
	return names
}

// Got returns the value that is given as a FieldError shows it.
func (v Value) Got() any {
	switch to := v.To.(type) {
	case *int, **int, *float64, **float64:
		return v.float()
	case *bool:
		return 1
	case *string:
		return *to
	}
	return v.String()
}
