package minijson

import (
	stdjson "encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
)

// plain has a field of every type that this package supports.
type plain struct {
	Text     string `json:"text"`
	Untagged bool
	Small    int8       `json:"small,omitempty"`
	Whole    *int       `json:"whole,omitempty"`
	Count    uint64     `json:"count"`
	Single   float32    `json:"single"`
	Double   *float64   `json:"double,omitempty"`
	Shape    [3]int     `json:"shape"`
	Names    []string   `json:"names,omitempty"`
	Deep     *deep      `json:"deep,omitempty"`
	List     []deep     `json:"list"`
	Raw      RawMessage `json:"raw,omitempty"`
	Own      own        `json:"own"`
	Hidden   string     `json:"-"`
	Embedded
	private int
}

type deep struct {
	Value float64 `json:"value"`
}

type Embedded struct {
	Inner string `json:"inner,omitempty"`
}

// own encodes itself as an array of one string.
type own string

func (o own) WriteJSON() ([]byte, error) { return []byte(`["` + string(o) + `"]`), nil }

func (o own) MarshalJSON() ([]byte, error) { return o.WriteJSON() }

func (o *own) UnmarshalJSON(data []byte) error { return o.ReadJSON(data) }

func (o *own) ReadJSON(data []byte) error {
	if len(data) < 4 {
		return errors.New("own: too short")
	}
	*o = own(data[2 : len(data)-2])
	return nil
}

var full = plain{
	Text: "a \"b\" \u2028 é", Untagged: true, Small: -128, Whole: new(0), Count: math.MaxUint64, Single: 0.1, Double: new(0.0),
	Shape: [3]int{1, -2, 3}, Names: []string{"", "x"}, Deep: &deep{1e300}, List: []deep{{1}, {-0.5}}, Raw: RawMessage(`{"any":[1,null]}`),
	Own: "self", Embedded: Embedded{"in"},
}

// TestAgreesWithStandardLibrary: this package and encoding/json decode the output of both alike.
func TestAgreesWithStandardLibrary(t *testing.T) {
	for name, in := range map[string]plain{"full": full, "zero": {Own: "x"}} {
		text, err := Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		standard, err := stdjson.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, source := range [][]byte{text, standard} {
			var got, want plain
			if err := UnmarshalStrict(source, &got); err != nil {
				t.Fatalf("%s: %v in %s", name, err, source)
			}
			if err := stdjson.Unmarshal(source, &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(got, in) {
				t.Errorf("%s: %s\ngives %+v\nwant  %+v", name, source, got, want)
			}
		}
	}
}

func TestUnmarshalErrors(t *testing.T) {
	const names = "text, Untagged, small, whole, count, single, double, shape, names, deep, list, raw, own, inner"
	for _, c := range []struct{ name, in, want string }{
		{"wrong type", `{"deep":{"value":"x"}}`, `json: deep.value: got string "x", want a number`},
		{"in a list", `{"list":[{"value":1},{"value":[]}]}`, "json: list[1].value: got an array, want a number"},
		{"list", `{"list":{}}`, "json: list: got an object, want an array"},
		{"fraction", `{"whole":1.5}`, "json: whole: got number 1.5, want a whole number in [-2^63, 2^63)"},
		{"out of range", `{"small":128}`, "json: small: got number 128, want a whole number in [-2^7, 2^7)"},
		{"negative count", `{"count":-1}`, "json: count: got number -1, want a whole number in [0, 2^64)"},
		{"out of float32 range", `{"single":1e39}`, "json: single: got number 1e39, want a number in [-3.4e38, 3.4e38]"},
		{"bool", `{"Untagged":1}`, "json: Untagged: got number 1, want true or false"},
		{"short array", `{"shape":[1,2]}`, "json: shape: got 2 elements, want 3"},
		{"long array", `{"shape":[1,2,3,4]}`, "json: shape: got more than 3 elements, want 3"},
		{"unknown", `{"text":"a","Text":"b"}`, "json: Text: got an unknown name, want one of " + names},
		{"hidden", `{"-":"b"}`, "json: -: got an unknown name, want one of " + names},
		{"not an object", `[]`, "json: got an array, want an object"},
		{"error of a Reader", `{"own":1}`, "own: too short"},
		{"text after the value", `{} 1`, "json: byte 3: got '1', want nothing after the value"},
		{"duplicate name", `{"text":"a","text":"b"}`, `json: byte 12: got duplicate name "text", want unique names`},
		{"truncated", `{"text":`, "json: byte 8: got the end of the text, want a value"},
		{"empty", ` `, "json: got an empty text, want one value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p plain
			err := UnmarshalStrict([]byte(c.in), &p)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	var p plain
	if err := Unmarshal([]byte(`{"unknown":[{}],"text":"a"}`), &p); err != nil || p.Text != "a" {
		t.Errorf("an unknown name: got %v, %q", err, p.Text)
	}
	if err := Unmarshal([]byte(`{"private":3}`), &p); err != nil || p.private != 0 {
		t.Errorf("an unexported field: got %v, %d", err, p.private)
	}
}

// TestNull: null sets pointers and slices to nil and leaves other fields unchanged.
func TestNull(t *testing.T) {
	p := full
	if err := Unmarshal([]byte(`{"text":null,"whole":null,"names":null,"shape":null,"deep":null,"count":null}`), &p); err != nil {
		t.Fatal(err)
	}
	if p.Whole != nil || p.Names != nil || p.Deep != nil || p.Text != full.Text || p.Count != full.Count || p.Shape != full.Shape {
		t.Errorf("got %+v", p)
	}
}

func TestMarshalErrors(t *testing.T) {
	for _, c := range []struct {
		in   any
		want string
	}{
		{deep{math.NaN()}, "json: got NaN, want a finite number"},
		{deep{math.Inf(-1)}, "json: got -Inf, want a finite number"},
		{[]RawMessage{RawMessage("{")}, `json: got "{", want a JSON value`},
		{own(`"`), `json: got "[\"\"\"]", want a JSON value`},
		{"\xff", "jsontext: invalid UTF-8"},
	} {
		if text, err := Marshal(c.in); err == nil || err.Error() != c.want {
			t.Errorf("%v: got %s, %v, want %s", c.in, text, err, c.want)
		}
	}
}

// FuzzUnmarshal: no text causes a panic, and whatever UnmarshalStrict accepts,
// encoding/json accepts with the same result.
func FuzzUnmarshal(f *testing.F) {
	text, err := Marshal(full)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"whole":1e3,"shape":[1,2,3],"deep":{"value":-0}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want plain
		if UnmarshalStrict(data, &got) != nil {
			return
		}
		if err := stdjson.Unmarshal(data, &want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngives %+v\nwant  %+v, %v", data, got, want, err)
		}
	})
}
