package json

import (
	"bytes"
	"encoding/json/jsontext"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// TypeError says that a JSON value does not fit where it stands.
type TypeError struct {
	Path  string // of the value, such as "unet.block_out_channels[1]"; empty for the whole text
	Found string // such as "number 1.5"
	Need  string // such as "a whole number"
}

func (e *TypeError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("json: found %s, need %s", e.Found, e.Need)
	}
	return fmt.Sprintf("json: %s: found %s, need %s", e.Path, e.Found, e.Need)
}

// Unmarshal reads the JSON text data, one value, into what v points to. Members
// that v has no field for are ignored; fields that data has no member for stay as
// they are, and so does what meets null, but pointers and slices, which become nil.
// The error is a *TypeError, one of a Reader, or says where data is no JSON.
func Unmarshal(data []byte, v any) error { return unmarshal(data, v, false) }

// UnmarshalStrict is Unmarshal, but a member that v has no field for is a
// *TypeError.
func UnmarshalStrict(data []byte, v any) error { return unmarshal(data, v, true) }

func unmarshal(data []byte, v any, strict bool) error {
	d := decoder{jsontext.NewDecoder(bytes.NewReader(data)), strict}
	switch err := d.value(reflect.ValueOf(v).Elem(), ""); err {
	case nil:
	case io.EOF:
		return &TypeError{Found: "nothing", Need: "one value"}
	default:
		return err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return &TypeError{Found: "text after the first value", Need: "one value"}
	}
	return nil
}

// decoder reads values by the types they go into.
type decoder struct {
	*jsontext.Decoder
	strict bool
}

// value reads the next value into v.
func (d decoder) value(v reflect.Value, path string) error {
	if v.Type() == rawType {
		raw, err := d.ReadValue()
		v.SetBytes(raw.Clone())
		return err
	}
	if r, ok := v.Addr().Interface().(Reader); ok {
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		return r.ReadJSON(raw)
	}
	if d.PeekKind() == jsontext.KindNull {
		_, err := d.ReadToken()
		if k := v.Kind(); k == reflect.Pointer || k == reflect.Slice {
			v.Set(reflect.Zero(v.Type()))
		}
		return err
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return d.value(v.Elem(), path)
	case reflect.Struct:
		return d.object(v, path)
	case reflect.Slice, reflect.Array:
		return d.array(v, path)
	}
	return d.scalar(v, path)
}

// object reads an object into a struct.
func (d decoder) object(v reflect.Value, path string) error {
	if err := d.open(jsontext.KindBeginObject, path, "an object"); err != nil {
		return err
	}
	for d.PeekKind() != jsontext.KindEndObject {
		token, err := d.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		if err := d.member(v, name, join(path, name)); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// member reads the value of a member of a struct.
func (d decoder) member(v reflect.Value, name, path string) error {
	fields := fieldsOf(v.Type())
	names := make([]string, len(fields))
	for i, f := range fields {
		if f.name == name {
			return d.value(v.FieldByIndex(f.index), path)
		}
		names[i] = f.name
	}
	if d.strict {
		return &TypeError{path, "an unknown name", "one of " + strings.Join(names, ", ")}
	}
	return d.SkipValue()
}

// array reads an array into a slice, or into an array of the same length.
func (d decoder) array(v reflect.Value, path string) error {
	if err := d.open(jsontext.KindBeginArray, path, "an array"); err != nil {
		return err
	}
	fixed := v.Kind() == reflect.Array
	if !fixed {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	n := 0
	for ; d.PeekKind() != jsontext.KindEndArray; n++ {
		at := path + "[" + strconv.Itoa(n) + "]"
		switch {
		case !fixed:
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		case n == v.Len():
			return &TypeError{path, "more than " + strconv.Itoa(n) + " elements", strconv.Itoa(n)}
		}
		if err := d.value(v.Index(n), at); err != nil {
			return err
		}
	}
	if n < v.Len() {
		return &TypeError{path, strconv.Itoa(n) + " elements", strconv.Itoa(v.Len())}
	}
	_, err := d.ReadToken()
	return err
}

// open reads the token that begins an object or an array.
func (d decoder) open(kind jsontext.Kind, path, need string) error {
	token, err := d.ReadToken()
	if err == nil && token.Kind() != kind {
		return &TypeError{path, describe(token), need}
	}
	return err
}

// scalar reads a string, a number or a boolean.
func (d decoder) scalar(v reflect.Value, path string) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	kind, text, need := token.Kind(), token.String(), ""
	switch {
	case v.Kind() == reflect.String:
		if need = "a string"; kind == jsontext.KindString {
			v.SetString(text)
			return nil
		}
	case v.Kind() == reflect.Bool:
		if need = "true or false"; kind == jsontext.KindTrue || kind == jsontext.KindFalse {
			v.SetBool(kind == jsontext.KindTrue)
			return nil
		}
	case v.CanInt():
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if need = "a whole number"; err == nil && kind == jsontext.KindNumber {
			v.SetInt(n)
			return nil
		}
	case v.CanUint():
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		need = "a whole number in [0, 2^" + strconv.Itoa(v.Type().Bits()) + ")"
		if err == nil && kind == jsontext.KindNumber {
			v.SetUint(n)
			return nil
		}
	case v.CanFloat():
		x, err := strconv.ParseFloat(text, v.Type().Bits())
		if need = "a number"; err == nil && kind == jsontext.KindNumber {
			v.SetFloat(x)
			return nil
		}
	default:
		panic("json: a type that this package does not read: " + v.Type().String())
	}
	return &TypeError{path, describe(token), need}
}

// describe names a token for an error.
func describe(token jsontext.Token) string {
	switch token.Kind() {
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "an array"
	case jsontext.KindNumber:
		return "number " + token.String()
	case jsontext.KindString:
		text := token.String()
		if len(text) > 40 {
			text = text[:40] + "…"
		}
		return "string " + strconv.Quote(text)
	}
	return token.String()
}

// join appends a member's name to a path.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
