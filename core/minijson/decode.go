package minijson

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// TypeError reports a JSON value of the wrong type, range or length.
type TypeError struct {
	Path string // of the value, such as "unet.block_out_channels[1]"; empty for the whole text
	Got  string // such as "number 1.5"
	Want string // such as "a whole number"
}

func (e *TypeError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("json: got %s, want %s", e.Got, e.Want)
	}
	return fmt.Sprintf("json: %s: got %s, want %s", e.Path, e.Got, e.Want)
}

// Unmarshal decodes the JSON text data, one value, into the variable that v points
// to. Members without a field in v are ignored; fields without a member in data keep
// their values. A null sets a pointer or a slice to nil and leaves any other variable
// unchanged. The error is a *TypeError, a *SyntaxError, or comes from a Reader.
func Unmarshal(data []byte, v any) error { return unmarshal(data, v, false) }

// UnmarshalStrict is like Unmarshal, but a member without a field in v is a
// *TypeError.
func UnmarshalStrict(data []byte, v any) error { return unmarshal(data, v, true) }

func unmarshal(data []byte, v any, strict bool) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return &TypeError{Got: "an empty text", Want: "one value"}
	}
	text, err := Parse(data)
	if err != nil {
		return err
	}
	return decoder{strict}.value(reflect.ValueOf(v).Elem(), text, "")
}

// decoder stores parsed values in Go variables. strict refuses unknown names.
type decoder struct{ strict bool }

// value decodes a value into v.
func (d decoder) value(v reflect.Value, text RawMessage, path string) error {
	if v.Type() == rawType {
		v.SetBytes(bytes.Clone(text))
		return nil
	}
	if r, ok := v.Addr().Interface().(Reader); ok {
		return r.ReadJSON(text)
	}
	if text[0] == 'n' {
		if k := v.Kind(); k == reflect.Pointer || k == reflect.Slice {
			v.Set(reflect.Zero(v.Type()))
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return d.value(v.Elem(), text, path)
	case reflect.Struct:
		return d.object(v, text, path)
	case reflect.Slice, reflect.Array:
		return d.array(v, text, path)
	}
	return scalar(v, text, path)
}

// object decodes an object into a struct.
func (d decoder) object(v reflect.Value, text RawMessage, path string) error {
	if text[0] != '{' {
		return &TypeError{path, Describe(text), "an object"}
	}
	for name, member := range Members(text) {
		if err := d.member(v, name, member, join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

// member decodes the value of a struct's member.
func (d decoder) member(v reflect.Value, name string, text RawMessage, path string) error {
	fields := fieldsOf(v.Type())
	names := make([]string, len(fields))
	for i, f := range fields {
		if f.name == name {
			return d.value(v.FieldByIndex(f.index), text, path)
		}
		names[i] = f.name
	}
	if d.strict {
		return &TypeError{path, "an unknown name", "one of " + strings.Join(names, ", ")}
	}
	return nil
}

// array decodes an array into a slice, or into an array of the same length.
func (d decoder) array(v reflect.Value, text RawMessage, path string) error {
	if text[0] != '[' {
		return &TypeError{path, Describe(text), "an array"}
	}
	fixed := v.Kind() == reflect.Array
	if !fixed {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	n := 0
	for element := range Elements(text) {
		switch {
		case !fixed:
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		case n == v.Len():
			return &TypeError{path, "more than " + strconv.Itoa(n) + " elements", strconv.Itoa(n)}
		}
		if err := d.value(v.Index(n), element, path+"["+strconv.Itoa(n)+"]"); err != nil {
			return err
		}
		n++
	}
	if n < v.Len() {
		return &TypeError{path, strconv.Itoa(n) + " elements", strconv.Itoa(v.Len())}
	}
	return nil
}

// scalar decodes a string, a number or a boolean.
func scalar(v reflect.Value, text RawMessage, path string) error {
	number := text[0] == '-' || digit(text[0])
	want := ""
	switch {
	case v.Kind() == reflect.String:
		if want = "a string"; text[0] == '"' {
			v.SetString(Text(text))
			return nil
		}
	case v.Kind() == reflect.Bool:
		if want = "true or false"; text[0] == 't' || text[0] == 'f' {
			v.SetBool(text[0] == 't')
			return nil
		}
	case v.CanInt():
		n, err := strconv.ParseInt(string(text), 10, v.Type().Bits())
		power := "2^" + strconv.Itoa(v.Type().Bits()-1)
		want = "a whole number in [-" + power + ", " + power + ")"
		if err == nil && number {
			v.SetInt(n)
			return nil
		}
	case v.CanUint():
		n, err := strconv.ParseUint(string(text), 10, v.Type().Bits())
		want = "a whole number in [0, 2^" + strconv.Itoa(v.Type().Bits()) + ")"
		if err == nil && number {
			v.SetUint(n)
			return nil
		}
	case v.CanFloat():
		x, err := strconv.ParseFloat(string(text), v.Type().Bits())
		if want = "a number"; err == nil && number {
			v.SetFloat(x)
			return nil
		}
		if number && v.Type().Bits() == 32 {
			want = "a number in [-3.4e38, 3.4e38]"
		}
	default:
		panic("json: cannot decode into type " + v.Type().String())
	}
	return &TypeError{path, Describe(text), want}
}

// Describe describes a parsed value in an error message.
func Describe(v RawMessage) string {
	switch v[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "string " + strconv.Quote(Clip(Text(v)))
	case 't', 'f', 'n':
		return string(v)
	}
	return "number " + Clip(string(v))
}

// Clip shortens untrusted text to 40 bytes for an error message.
func Clip(text string) string {
	if len(text) > 40 {
		return text[:40] + "…"
	}
	return text
}

// join appends a member's name to a path.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
