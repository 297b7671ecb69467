package weights

import (
	"fmt"
	"strconv"

	"tweedie/core/minijson"
)

// maxMembers bounds the members of an object whose names are not fixed.
const maxMembers = 1 << 16

// parse parses a JSON object and returns its members, at most maxMembers.
func parse(text []byte) (map[string]minijson.RawMessage, error) {
	v, err := minijson.Parse(text)
	if err != nil {
		return nil, err
	}
	return object(v, maxMembers)
}

// object returns the members of a parsed object, at most limit.
func object(v minijson.RawMessage, limit int) (map[string]minijson.RawMessage, error) {
	if v[0] != '{' {
		return nil, fmt.Errorf("must be an object (got %s)", minijson.Describe(v))
	}
	members := map[string]minijson.RawMessage{}
	for name, member := range minijson.Members(v) {
		if len(members) == limit {
			return nil, fmt.Errorf("has more than %d members", limit)
		}
		members[name] = member
	}
	return members, nil
}

// array returns the elements of a parsed array, at most limit.
func array(v minijson.RawMessage, limit int) ([]minijson.RawMessage, error) {
	if v[0] != '[' {
		return nil, fmt.Errorf("must be an array (got %s)", minijson.Describe(v))
	}
	var elements []minijson.RawMessage
	for element := range minijson.Elements(v) {
		if len(elements) == limit {
			return nil, fmt.Errorf("has more than %d elements", limit)
		}
		elements = append(elements, element)
	}
	return elements, nil
}

// text returns the value of a parsed string.
func text(v minijson.RawMessage) (string, error) {
	if v[0] != '"' {
		return "", fmt.Errorf("must be a string (got %s)", minijson.Describe(v))
	}
	return minijson.Text(v), nil
}

// integer returns the value of a parsed number, which must be an integer in [0, limit].
func integer(v minijson.RawMessage, limit int) (int, error) {
	n, err := strconv.ParseUint(string(v), 10, 64)
	if err != nil || n > uint64(limit) {
		return 0, fmt.Errorf("must be a whole number in [0, %d] (got %s)", limit, minijson.Describe(v))
	}
	return int(n), nil
}
