package engine

import (
	"strconv"

	"tweedie/core/settings"
)

// Seed is the key of all noise of a request. In JSON it is a whole number up to
// 2⁵³, beyond which JavaScript's numbers have gaps, or a string of decimal digits.
type Seed uint64

// maxExact is the largest n for which every whole number up to n is a float64.
const maxExact = 1 << 53

// seedSetting describes a seed that stands alone.
var seedSetting = settings.Setting{Name: "seed", Kind: settings.Seed}

// Set reads decimal digits.
func (s *Seed) Set(text string) error {
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return seedSetting.Refuse(text)
	}
	*s = Seed(v)
	return nil
}

// String returns decimal digits.
func (s *Seed) String() string { return strconv.FormatUint(uint64(*s), 10) }

// ReadJSON reads a number or a string. The error is a *settings.FieldError.
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
		return seedSetting.Refuse(settings.Raw(data))
	case !quoted && v > maxExact:
		return settings.Errorf("seed", settings.Raw(data), "a string where it is above 9007199254740992, beyond which JavaScript rounds numbers")
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
