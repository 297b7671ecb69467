package engine

import (
	"fmt"
	"strconv"
)

// Seed is the key of all noise of a request. In JSON it is a whole number up to
// 2⁵³, beyond which JavaScript's numbers have gaps, or a string of decimal digits.
type Seed uint64

// maxExact is the largest n for which every whole number up to n is a float64.
const maxExact = 1 << 53

// ReadJSON reads a number or a string. The error says what is needed.
func (s *Seed) ReadJSON(data []byte) error {
	text := string(data)
	quoted := len(text) >= 2 && text[0] == '"'
	if text == "null" {
		return nil
	}
	if quoted {
		text = text[1 : len(text)-1]
	}
	v, err := strconv.ParseUint(text, 10, 64)
	switch {
	case err != nil:
		return fmt.Errorf("engine: seed: found %s, need a whole number in [0, 2⁶⁴)", data)
	case !quoted && v > maxExact:
		return fmt.Errorf("engine: seed: found the number %s, need at most 2⁵³; write larger seeds as a string", data)
	}
	*s = Seed(v)
	return nil
}

// WriteJSON writes a number where JavaScript reads it exactly, else a string.
func (s Seed) WriteJSON() ([]byte, error) {
	text := strconv.FormatUint(uint64(s), 10)
	if s > maxExact {
		text = strconv.Quote(text)
	}
	return []byte(text), nil
}

// UnmarshalJSON and MarshalJSON do the same for encoding/json.
func (s *Seed) UnmarshalJSON(data []byte) error { return s.ReadJSON(data) }

func (s Seed) MarshalJSON() ([]byte, error) { return s.WriteJSON() }
