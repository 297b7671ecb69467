package json

import (
	"bytes"
	"encoding/json/jsontext"
	"fmt"
	"math"
	"reflect"
)

// Marshal returns v as JSON text, the fields of structs in order of declaration.
// A nil pointer or slice is null. The error is one of a Marshaler, or names a
// number that JSON cannot hold.
func Marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := encoder{jsontext.NewEncoder(&buf)}
	if err := e.value(reflect.ValueOf(v)); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

type encoder struct{ *jsontext.Encoder }

// value writes v.
func (e encoder) value(v reflect.Value) error {
	if v.Type() == rawType {
		if v.IsNil() {
			return e.WriteToken(jsontext.Null)
		}
		return e.WriteValue(v.Bytes())
	}
	if m, ok := v.Interface().(Marshaler); ok && !(v.Kind() == reflect.Pointer && v.IsNil()) {
		text, err := m.MarshalJSON()
		if err != nil {
			return err
		}
		return e.WriteValue(text)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return e.WriteToken(jsontext.Null)
		}
		return e.value(v.Elem())
	case reflect.Struct:
		return e.object(v)
	case reflect.Slice, reflect.Array:
		return e.array(v)
	}
	if v.CanFloat() && !(math.Abs(v.Float()) <= math.MaxFloat64) {
		return fmt.Errorf("json: found %g, need a finite number", v.Float())
	}
	return e.WriteToken(scalar(v))
}

// object writes a struct.
func (e encoder) object(v reflect.Value) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, f := range fieldsOf(v.Type()) {
		member := v.FieldByIndex(f.index)
		if f.omitEmpty && empty(member) {
			continue
		}
		if err := e.WriteToken(jsontext.String(f.name)); err != nil {
			return err
		}
		if err := e.value(member); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// array writes a slice or an array.
func (e encoder) array(v reflect.Value) error {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return e.WriteToken(jsontext.Null)
	}
	if err := e.WriteToken(jsontext.BeginArray); err != nil {
		return err
	}
	for i := range v.Len() {
		if err := e.value(v.Index(i)); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndArray)
}

// scalar returns a string, a number or a boolean as a token.
func scalar(v reflect.Value) jsontext.Token {
	switch {
	case v.Kind() == reflect.String:
		return jsontext.String(v.String())
	case v.Kind() == reflect.Bool:
		return jsontext.Bool(v.Bool())
	case v.CanInt():
		return jsontext.Int(v.Int())
	case v.CanUint():
		return jsontext.Uint(v.Uint())
	case v.Kind() == reflect.Float32:
		return jsontext.Float32(float32(v.Float()))
	case v.CanFloat():
		return jsontext.Float(v.Float())
	}
	panic("json: a type that this package does not write: " + v.Type().String())
}

// empty says what omitempty leaves out.
func empty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct, reflect.Array:
		return false
	}
	return v.IsZero()
}
