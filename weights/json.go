package weights

import (
	"fmt"
	"strconv"

	"tweedie/core/json"
)

// maxMembers bounds the members of an object that is nothing but a list of names.
const maxMembers = 1 << 16

// parse returns the members of the object that a text holds, at most maxMembers.
func parse(text []byte) (map[string]json.RawMessage, error) {
	v, err := json.Parse(text)
	if err != nil {
		return nil, err
	}
	return object(v, maxMembers)
}

// object returns the members of a parsed object, at most limit.
func object(v json.RawMessage, limit int) (map[string]json.RawMessage, error) {
	if v[0] != '{' {
		return nil, fmt.Errorf("is %s, need an object", json.Describe(v))
	}
	members := map[string]json.RawMessage{}
	for name, member := range json.Members(v) {
		if len(members) == limit {
			return nil, fmt.Errorf("has more than %d members", limit)
		}
		members[name] = member
	}
	return members, nil
}

// array returns the elements of a parsed array, at most limit.
func array(v json.RawMessage, limit int) ([]json.RawMessage, error) {
	if v[0] != '[' {
		return nil, fmt.Errorf("is %s, need an array", json.Describe(v))
	}
	var elements []json.RawMessage
	for element := range json.Elements(v) {
		if len(elements) == limit {
			return nil, fmt.Errorf("has more than %d elements", limit)
		}
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
