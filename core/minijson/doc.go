// Package minijson turns plain data into JSON and back: structs, pointers, slices,
// arrays, strings, numbers and booleans, by the tags of encoding/json.
//
// It is what a page needs of that package. encoding/json itself handles every
// type there is, by reflection that keeps all methods of all types in a program,
// and adds 275 kB to a compressed page. Here it is stricter, too: member names
// match exactly, none stands twice, an array has the length it is read into, and
// an error names the member by its path, what was found and what is needed.
//
// A field's tag is `json:"name"`, `json:"name,omitempty"` or `json:"-"`; an
// exported field without one goes by its own name. The fields of an embedded
// struct without a tag stand among those of its parent. A type may do it itself
// as a Reader or a Writer. Package json panics on other types: that is a mistake
// of the caller, not of the text.
package minijson

import (
	"encoding/json/jsontext"
	"reflect"
	"strings"
)

// RawMessage is a JSON value that is kept as text.
type RawMessage = jsontext.Value

// Reader is a type that reads itself from the text of one JSON value. An error
// of it is returned as it is. Reader and Writer are not encoding/json's
// Unmarshaler and Marshaler, as asking for those would link time.Time's, and
// everything about dates with it.
type Reader interface{ ReadJSON([]byte) error }

// Writer is a type that writes itself as the text of one JSON value.
type Writer interface{ WriteJSON() ([]byte, error) }

var rawType = reflect.TypeFor[RawMessage]()

// field is a member of a struct.
type field struct {
	name      string
	index     []int // of reflect.Value.FieldByIndex
	omitEmpty bool
}

// fieldsOf returns the members of a struct type in order of declaration.
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
