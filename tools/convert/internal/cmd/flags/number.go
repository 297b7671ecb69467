package flags

import (
	"errors"
	"math"
	"strings"

	"github.com/spf13/pflag"

	"tweedie/core/settings"
)

// Numbers makes the flags of a set read numbers as people write them: whole numbers are
// decimal, so that 010 is ten, and other numbers are finite. pflag itself reads 010 as
// octal and 0x10 as hexadecimal.
func Numbers(set *pflag.FlagSet) {
	set.VisitAll(func(f *pflag.Flag) {
		if _, ok := f.Value.(settings.Value); ok {
			return
		}
		if want, ok := numbers[f.Value.Type()]; ok {
			f.Value = number{f.Value, want}
		}
	})
}

// numbers says what the types of flags take.
var numbers = map[string]string{
	"int":      "a whole number",
	"int64":    "a whole number",
	"uint64":   "a whole number from 0 to 18446744073709551615",
	"uint8":    "a whole number from 0 to 255",
	"intSlice": "whole numbers with commas between them",
	"float64":  "a number",
}

// number is the value of a flag that holds a number, or a list of them.
type number struct {
	pflag.Value
	want string
}

func (n number) Set(text string) error {
	parts := []string{text}
	if n.Type() == "intSlice" {
		parts = strings.Split(text, ",")
	}
	for i, part := range parts {
		if n.Type() == "float64" {
			v, err := settings.ParseNumber(part)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				return n.wrong()
			}
			continue
		}
		digits := strings.TrimLeft(part, "+-")
		if digits == "" || len(part)-len(digits) > 1 || strings.Trim(digits, "0123456789") != "" {
			return n.wrong()
		}
		sign := strings.TrimPrefix(part[:len(part)-len(digits)], "+")
		if digits = strings.TrimLeft(digits, "0"); digits == "" {
			sign, digits = "", "0"
		}
		parts[i] = sign + digits
	}
	if n.Value.Set(strings.Join(parts, ",")) != nil { // out of the type's range
		return n.wrong()
	}
	return nil
}

func (n number) wrong() error { return wanted(n.want) }

// wanted is an error that says what a flag takes.
type wanted string

func (w wanted) Error() string { return "must be " + string(w) }

// Explain makes an error of parsing flags a Misuse that names the flag, what it takes
// and what was given.
func Explain(err error) error {
	invalid, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return AsMisuse(err)
	}
	want := errors.Unwrap(invalid)
	if field, ok := errors.AsType[*settings.FieldError](want); ok {
		return AsMisuse(field)
	}
	switch invalid.GetFlag().Value.Type() {
	case "bool":
		want = wanted("true or false")
	case "duration":
		want = wanted("a duration such as 90s or 2h")
	}
	return Misused("--%s %v (got %q)", invalid.GetFlag().Name, want, invalid.GetValue())
}
