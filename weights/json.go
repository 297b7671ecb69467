package weights

import (
	"fmt"
	"strconv"

	"tweedie/core/json"
)

// parse returns the members of the object that a text holds.
func parse(text []byte) (map[string]json.RawMessage, error) {
	v, err := json.Parse(text)
	if err != nil {
		return nil, err
	}
	return object(v)
}

// object returns the members of a parsed object.
func object(v json.RawMessage) (map[string]json.RawMessage, error) {
	if v[0] != '{' {
		return nil, fmt.Errorf("is %s, need an object", json.Describe(v))
	}
	members := map[string]json.RawMessage{}
	for name, member := range json.Members(v) {
		members[name] = member
	}
	return members, nil
}

// array returns the elements of a parsed array.
func array(v json.RawMessage) ([]json.RawMessage, error) {
	if v[0] != '[' {
		return nil, fmt.Errorf("is %s, need an array", json.Describe(v))
	}
	var elements []json.RawMessage
	for element := range json.Elements(v) {
		elements = append(elements, element)
	}
	return elements, nil
}

// text returns what a parsed string means.
func text(v json.RawMessage) (string, error) {
	if v[0] != '"' {
		return "", fmt.Errorf("is %s, need a string", json.Describe(v))
	}
	return json.Text(v), nil
}

// integer returns a parsed number, which must be whole and in [0, limit].
func integer(v json.RawMessage, limit int) (int, error) {
	n, err := strconv.ParseUint(string(v), 10, 64)
	if err != nil || n > uint64(limit) {
		return 0, fmt.Errorf("is %s, need a whole number in [0, %d]", json.Describe(v), limit)
	}
	return int(n), nil
}
