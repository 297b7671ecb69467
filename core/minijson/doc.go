// Package minijson encodes and decodes JSON: structs, pointers, slices, arrays,
// strings, numbers and booleans, with the struct tags of encoding/json.
//
// It is the part of encoding/json that the web page needs. encoding/json supports
// every type by reflection, which stops the linker from removing unused methods and
// adds 275 kB to a compressed page. This package is also stricter: member names
// match exactly and are unique, a JSON array must have the length of the Go array it
// is decoded into, and an error gives the path of the value, what it is and what is
// allowed.
//
// A field's tag is `json:"name"`, `json:"name,omitempty"` or `json:"-"`; an
// exported field without a tag has the name of the field. The fields of an embedded
// struct without a tag are members of its parent. A type can implement Reader or
// Writer to decode or encode itself. Package minijson panics on any other type:
// that is a mistake of the caller, not of the text.
package minijson

import (
	"encoding/json/jsontext"
	"reflect"
	"strings"
)

// RawMessage is a JSON value as text, not decoded.
type RawMessage = jsontext.Value

// Reader is a type that decodes itself from the text of one JSON value. Its errors
// are returned unchanged. Reader and Writer are not encoding/json's Unmarshaler and
// Marshaler: a type assertion to those links the methods of time.Time, and with
// them all code for dates.
type Reader interface{ ReadJSON([]byte) error }

// Writer is a type that encodes itself as the text of one JSON value.
type Writer interface{ WriteJSON() ([]byte, error) }

var rawType = reflect.TypeFor[RawMessage]()

// field is a member of a struct.
type field struct {
	name      string
	index     []int // for reflect.Value.FieldByIndex
	omitEmpty bool
}

// fieldsOf returns the JSON members of a struct type in order of declaration.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		tag := sf.Tag.Get("json")
		if tag == "-" || !sf.IsExported() {
			continue
		}
		if sf.Anonymous && tag == "" && sf.Type.Kind() == reflect.Struct {
			for _, f := range fieldsOf(sf.Type) {
				f.index = append([]int{i}, f.index...)
				fields = append(fields, f)
			}
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		if name == "" {
			name = sf.Name
		}
		fields = append(fields, field{name, []int{i}, option == "omitempty"})
	}
	return fields
}
