package minijson

import (
	"encoding/json/jsontext"
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// Marshal returns v as JSON text, the fields of structs in order of declaration.
// A nil pointer or slice is null. The error comes from a Writer, or reports a number
// or a text that JSON cannot represent.
func Marshal(v any) ([]byte, error) { return appendValue(nil, reflect.ValueOf(v)) }

// appendValue appends v. It does not use jsontext's encoder, which also links code to
// sort and reformat values: 20 kB of a compressed page.
func appendValue(b []byte, v reflect.Value) ([]byte, error) {
	if v.Type() == rawType {
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return appendRaw(b, v.Bytes())
	}
	if w, ok := v.Interface().(Writer); ok && !(v.Kind() == reflect.Pointer && v.IsNil()) {
		text, err := w.WriteJSON()
		if err != nil {
			return nil, err
		}
		return appendRaw(b, text)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return appendValue(b, v.Elem())
	case reflect.Struct:
		return appendObject(b, v)
	case reflect.Slice, reflect.Array:
		return appendArray(b, v)
	}
	return appendScalar(b, v)
}

// appendRaw appends text after checking that it is a JSON value.
func appendRaw(b []byte, text RawMessage) ([]byte, error) {
	if _, err := Parse(text); err != nil {
		return nil, fmt.Errorf("json: got %.40q, want a JSON value", []byte(text))
	}
	return append(b, text...), nil
}

// appendObject appends a struct.
func appendObject(b []byte, v reflect.Value) (_ []byte, err error) {
	b = append(b, '{')
	comma := false
	for _, f := range fieldsOf(v.Type()) {
		member := v.FieldByIndex(f.index)
		if f.omitEmpty && empty(member) {
			continue
		}
		if comma {
			b = append(b, ',')
		}
		comma = true
		if b, err = jsontext.AppendQuote(b, f.name); err != nil {
			return nil, err
		}
		if b, err = appendValue(append(b, ':'), member); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendArray appends a slice or an array.
func appendArray(b []byte, v reflect.Value) (_ []byte, err error) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, v.Index(i)); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// appendScalar appends a string, a number or a boolean.
func appendScalar(b []byte, v reflect.Value) ([]byte, error) {
	switch {
	case v.Kind() == reflect.String:
		return jsontext.AppendQuote(b, v.String())
	case v.Kind() == reflect.Bool:
		return strconv.AppendBool(b, v.Bool()), nil
	case v.CanInt():
		return strconv.AppendInt(b, v.Int(), 10), nil
	case v.CanUint():
		return strconv.AppendUint(b, v.Uint(), 10), nil
	case v.CanFloat():
		if x := v.Float(); !(math.Abs(x) <= math.MaxFloat64) {
			return nil, fmt.Errorf("json: got %g, want a finite number", x)
		}
		return strconv.AppendFloat(b, v.Float(), 'g', -1, v.Type().Bits()), nil
	}
	panic("json: cannot encode type " + v.Type().String())
}

// empty reports whether omitempty leaves v out.
func empty(v reflect.Value) bool {
	switch {
	case v.Kind() == reflect.Slice || v.Kind() == reflect.String:
		return v.Len() == 0
	case v.Kind() == reflect.Pointer:
		return v.IsNil()
	case v.Kind() == reflect.Bool:
		return !v.Bool()
	case v.CanInt():
		return v.Int() == 0
	case v.CanUint():
		return v.Uint() == 0
	case v.CanFloat():
		return v.Float() == 0
	}
	return false
}
