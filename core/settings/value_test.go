package settings

import (
	"errors"
	"strings"
	"testing"
)

// values returns one setting of each kind of variable, none of them given.
func values() []Value {
	return []Value{
		{Setting{Name: "steps", Kind: Whole, Min: 1, Max: 100}, new(*int)},
		{Setting{Name: "order", Kind: Whole, Min: 1, Max: 4}, new(int)},
		{Setting{Name: "eta", Kind: Real, Max: 1}, new(*float64)},
		{Setting{Name: "rho", Kind: Real, Above: true, Only: "schedule=|karras"}, new(float64)},
		{Setting{Name: "seed", Kind: Seed}, new(uint64)},
		{Setting{Name: "schedule", Kind: Choice, Choices: []string{"karras", "linear"}}, new(string)},
		{Setting{Name: "brownian", Kind: Switch}, new(bool)},
	}
}

// A text that Set reads is the text that String returns, in decimal.
func TestSetAndString(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"steps", "1", "1"}, {"steps", "100", "100"}, {"steps", "010", "10"}, {"steps", "09", "9"},
		{"order", "4", "4"}, {"eta", "0", "0"}, {"eta", "0.5", "0.5"}, {"eta", "1e-3", "0.001"},
		{"rho", "7", "7"}, {"seed", "18446744073709551615", "18446744073709551615"},
		{"schedule", "linear", "linear"}, {"brownian", "1", "1"}, {"brownian", "true", "1"}, {"brownian", "0", ""},
	} {
		v, _ := Find(values(), c.name)
		if err := v.Set(c.text); err != nil {
			t.Errorf("%s=%s: %v", c.name, c.text, err)
		} else if got := v.String(); got != c.want {
			t.Errorf("%s=%s: got %q, want %q", c.name, c.text, got, c.want)
		}
	}
}

// What is not allowed is a FieldError that says what is, and changes nothing.
func TestSetRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"steps", "0", "steps must be a whole number from 1 to 100 (got 0)"},
		{"steps", "101", "steps must be a whole number from 1 to 100 (got 101)"},
		{"steps", "1.5", "steps must be a whole number from 1 to 100 (got 1.5)"},
		{"steps", "99999999999999999999", "steps must be a whole number from 1 to 100 (got 99999999999999999999)"},
		{"steps", "", `steps must be a whole number from 1 to 100 (got "")`},
		{"steps", "0x10", `steps must be a whole number from 1 to 100 (got "0x10")`},
		{"order", "0", "order must be a whole number from 1 to 4 (got 0)"},
		{"eta", "-1", "eta must be a number from 0 to 1 (got -1)"},
		{"eta", "NaN", "eta must be a number from 0 to 1 (got NaN)"},
		{"eta", "x", `eta must be a number from 0 to 1 (got "x")`},
		{"eta", "0x1p-2", `eta must be a number from 0 to 1 (got "0x1p-2")`},
		{"eta", "0x_1", `eta must be a number from 0 to 1 (got "0x_1")`},
		{"rho", "0", "rho must be a number above 0 (got 0)"},
		{"rho", "Inf", "rho must be a number above 0 (got +Inf)"},
		{"rho", "1e39", "rho must be a number above 0 (got 1e+39)"},
		{"rho", "1e999", "rho must be a number above 0 (got 1e999)"},
		{"seed", "-1", "seed must be a whole number from 0 to 18446744073709551615 (got -1)"},
		{"seed", "18446744073709551616", "seed must be a whole number from 0 to 18446744073709551615 (got 18446744073709551616)"},
		{"schedule", "none", `schedule must be one of karras or linear (got "none")`},
		{"brownian", "yes", `brownian must be 0 or 1 (got "yes")`},
	} {
		v, _ := Find(values(), c.name)
		err := v.Set(c.text)
		if field, ok := errors.AsType[*FieldError](err); !ok || field.Field != c.name || err.Error() != c.want {
			t.Errorf("%s=%s: got %v, want a FieldError: %s", c.name, c.text, err, c.want)
		}
		if v.Given() {
			t.Errorf("%s=%s: refused, and given as %q", c.name, c.text, v)
		}
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct{ json, want string }{
		{`{"steps":5,"eta":0,"rho":3,"seed":7,"brownian":true}`, ""},
		{`{"schedule":"karras","rho":3}`, ""},
		{`{"steps":null}`, ""},
		{`{"steps":"5"}`, "steps must be a whole number"},
		{`{"steps":5.5}`, "steps must be a whole number"},
		{`{"schedule":1}`, "schedule must be one of"},
		{`{"brownian":1}`, "brownian must be true or false"},
		{`{"nothing":1}`, "nothing"},
		{`[]`, "an object"},
		{`{`, "json"},
	} {
		v := values()
		err := Read([]byte(c.json), v)
		if err == nil {
			err = Check(v)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.json, err, c.want)
		}
	}
}

// A setting that has no effect with the value of another is refused.
func TestCheckApplies(t *testing.T) {
	v := values()
	if err := Read([]byte(`{"schedule":"linear","rho":3}`), v); err != nil {
		t.Fatal(err)
	}
	err := Check(v)
	if field, ok := errors.AsType[*FieldError](err); !ok || field.Field != "rho" || !strings.Contains(err.Error(), "schedule is karras") {
		t.Errorf("got %v, want a FieldError of rho that names schedule", err)
	}
}
