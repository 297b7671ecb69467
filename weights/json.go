package weights

import (
	"bytes"
	"encoding/json/jsontext"
	"fmt"
	"io"
)

// The JSON of manifests and safetensors headers is read here value by value, by
// kind, and without reflection: encoding/json accepts names twice and in any
// case, and adds a third of a megabyte to a page.

// object returns the members of the JSON object v. A name that stands twice, or
// text after the object, is an error.
func object(v []byte) (map[string]jsontext.Value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(v))
	if err := begin(d, jsontext.KindBeginObject, "an object"); err != nil {
		return nil, err
	}
	members := map[string]jsontext.Value{}
	for d.PeekKind() != jsontext.KindEndObject {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		members[key] = value.Clone()
	}
	return members, end(d)
}

// array returns the elements of the JSON array v.
func array(v []byte) ([]jsontext.Value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(v))
	if err := begin(d, jsontext.KindBeginArray, "an array"); err != nil {
		return nil, err
	}
	var elements []jsontext.Value
	for d.PeekKind() != jsontext.KindEndArray {
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		elements = append(elements, value.Clone())
	}
	return elements, end(d)
}

// text returns the JSON string v.
func text(v jsontext.Value) (string, error) {
	d := jsontext.NewDecoder(bytes.NewReader(v))
	token, err := d.ReadToken()
	if err != nil {
		return "", err
	}
	if token.Kind() != jsontext.KindString {
		return "", fmt.Errorf("is %s, need a string", clip(v))
	}
	return token.String(), nil
}

// integer returns the JSON number v, which must be whole and in [0, limit].
func integer(v jsontext.Value, limit int) (int, error) {
	d := jsontext.NewDecoder(bytes.NewReader(v))
	token, err := d.ReadToken()
	if err != nil {
		return 0, err
	}
	if token.Kind() == jsontext.KindNumber {
		if n, err := token.Uint(); err == nil && n <= uint64(limit) {
			return int(n), nil
		}
	}
	return 0, fmt.Errorf("is %s, need a whole number in [0, %d]", clip(v), limit)
}

// depth returns how many arrays and objects of v stand inside one another.
func depth(v jsontext.Value) (int, error) {
	d := jsontext.NewDecoder(bytes.NewReader(v))
	deepest := 0
	for {
		if _, err := d.ReadToken(); err == io.EOF {
			return deepest, nil
		} else if err != nil {
			return 0, err
		}
		deepest = max(deepest, d.StackDepth())
	}
}

func begin(d *jsontext.Decoder, kind jsontext.Kind, what string) error {
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	if token.Kind() != kind {
		return fmt.Errorf("is a JSON %s, need %s", token.Kind(), what)
	}
	return nil
}

// end reads the closing bracket and demands that nothing but space follows.
func end(d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if _, err := d.ReadToken(); err == nil {
		return fmt.Errorf("JSON at byte %d: something follows the end", d.InputOffset())
	} else if err != io.EOF {
		return err
	}
	return nil
}

// clip shortens text of a stranger for an error message.
func clip(v []byte) string {
	if len(v) > 40 {
		return string(v[:40]) + "…"
	}
	return string(v)
}
