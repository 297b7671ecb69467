package importer

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// parseObject returns the members of a JSON object. Infinity and NaN, which Python's json writes
// without quotes, become strings.
func parseObject(data []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(quoteNumbers(data), &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, fmt.Errorf("must be a JSON object (got null)")
	}
	return members, nil
}

// stringOrNumber matches a JSON string, or a number that JSON does not have.
var stringOrNumber = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?Infinity|NaN`)

// quoteNumbers puts Infinity, -Infinity and NaN outside strings in quotes.
func quoteNumbers(data []byte) []byte {
	return stringOrNumber.ReplaceAllFunc(data, func(match []byte) []byte {
		if match[0] == '"' {
			return match
		}
		return []byte(strconv.Quote(string(match)))
	})
}

// member decodes the member of that name into to, which keeps its value if the member is
// missing or null.
func member(members map[string]json.RawMessage, name string, to any) error {
	v, ok := members[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(v, to); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// read decodes members by name and removes them from members. A value whose member is missing
// is unchanged.
func read(members map[string]json.RawMessage, into map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(into)) {
		if err := member(members, name, into[name]); err != nil {
			return err
		}
		delete(members, name)
	}
	return nil
}

// given reports whether a member is there and not off.
func given(members map[string]json.RawMessage, name string) bool {
	v, ok := members[name]
	return ok && !slices.Contains([]string{"null", "false", "0", "0.0", `""`, "[]", "{}", `"-Infinity"`}, string(v))
}

// unused lists the members that were not read and are not off, with their values.
func unused(members map[string]json.RawMessage) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if given(members, name) && !strings.HasPrefix(name, "_") {
			out = append(out, fmt.Sprintf("%.60s %.40s", name, members[name]))
		}
	}
	return out
}
