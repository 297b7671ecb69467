package unet

import (
	"encoding/json"
	"testing"

	"tweedie/core/minijson"
)

// A size is read from flags and from JSON, and written as it was read.
func TestSize(t *testing.T) {
	for _, c := range []struct {
		text, json string
		want       Size
	}{{"32", "32", Square(32)}, {"16x8", "[16,8]", Size{16, 8}}, {"1x1024", "[1,1024]", Size{1, 1024}}} {
		var set, read, standard Size
		if err := set.Set(c.text); err != nil || set != c.want || set.String() != c.text {
			t.Errorf("%s: got %v, %v", c.text, set, err)
		}
		if err := minijson.Unmarshal([]byte(c.json), &read); err != nil || read != c.want {
			t.Errorf("%s: got %v, %v", c.json, read, err)
		}
		if err := json.Unmarshal([]byte(c.json), &standard); err != nil || standard != c.want {
			t.Errorf("%s: got %v, %v from encoding/json", c.json, standard, err)
		}
		for name, marshal := range map[string]func(any) ([]byte, error){"minijson": minijson.Marshal, "encoding/json": json.Marshal} {
			if text, err := marshal(c.want); err != nil || string(text) != c.json {
				t.Errorf("%s: %s writes %s, %v", c.json, name, text, err)
			}
		}
	}
	for _, text := range []string{"", "x", "0", "-1", "16x", "x8", "16x8x3", "1025", "16 x 8", "1e3", "16X8"} {
		s := Square(5)
		if err := s.Set(text); err == nil || s != Square(5) {
			t.Errorf("%q: got %v, %v, want an error and the size as before", text, s, err)
		}
	}
	for _, text := range []string{`"32"`, "[1]", "[1,2,3]", "1.5", "{}", "true"} {
		var s Size
		if err := minijson.Unmarshal([]byte(text), &s); err == nil {
			t.Errorf("%s: got %v, want an error", text, s)
		}
	}
}
