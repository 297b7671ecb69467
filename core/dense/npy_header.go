package dense

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxNpyAxes is NumPy's own limit.
const maxNpyAxes = 64

// npyHeader is what a header says of its array.
type npyHeader struct {
	descr   string
	fortran bool
	shape   []int
}

// parseNpyHeader reads the Python dict {'descr': '<f4', 'fortran_order': False,
// 'shape': (2, 3), } with its three entries once each, in any order.
func parseNpyHeader(text string) (npyHeader, error) {
	var h npyHeader
	s := scanner{strings.TrimSpace(text)}
	if !s.take("{") {
		return h, errors.New("is no Python dict")
	}
	seen := map[string]bool{}
	for !s.take("}") {
		key, err := s.quoted()
		if err != nil {
			return h, err
		}
		if seen[key] {
			return h, fmt.Errorf("%q stands twice", key)
		}
		seen[key] = true
		if !s.take(":") {
			return h, fmt.Errorf("no colon after %q", key)
		}
		switch key {
		case "descr":
			h.descr, err = s.quoted()
		case "fortran_order":
			h.fortran, err = s.boolean()
		case "shape":
			h.shape, err = s.tuple()
		default:
			err = errors.New("is not known")
		}
		if err != nil {
			return h, fmt.Errorf("%.20q: %w", key, err)
		}
		if !s.take(",") && !strings.HasPrefix(s.rest, "}") {
			return h, fmt.Errorf("no comma after %q", key)
		}
	}
	if s.rest != "" {
		return h, errors.New("something follows the dict")
	}
	if len(seen) != 3 {
		return h, fmt.Errorf("has %d of the entries descr, fortran_order and shape", len(seen))
	}
	return h, nil
}

// scanner reads Python literals from the front of rest, spaces after them included.
type scanner struct{ rest string }

// take removes token from the front and reports whether it was there.
func (s *scanner) take(token string) bool {
	rest, ok := strings.CutPrefix(s.rest, token)
	if ok {
		s.rest = strings.TrimLeft(rest, " \n")
	}
	return ok
}

// quoted reads a string without escapes, in either kind of quotes.
func (s *scanner) quoted() (string, error) {
	for _, quote := range []string{"'", `"`} {
		rest, ok := strings.CutPrefix(s.rest, quote)
		if !ok {
			continue
		}
		text, rest, ok := strings.Cut(rest, quote)
		if !ok || strings.Contains(text, `\`) {
			break
		}
		s.rest = strings.TrimLeft(rest, " \n")
		return text, nil
	}
	return "", fmt.Errorf("need a string at %.20q", s.rest)
}

func (s *scanner) boolean() (bool, error) {
	switch {
	case s.take("True"):
		return true, nil
	case s.take("False"):
		return false, nil
	}
	return false, fmt.Errorf("need True or False at %.20q", s.rest)
}

// tuple reads (), (2,) or (2, 3), of numbers that are not negative.
func (s *scanner) tuple() ([]int, error) {
	if !s.take("(") {
		return nil, fmt.Errorf("need a tuple at %.20q", s.rest)
	}
	numbers := []int{}
	for !s.take(")") {
		digits := len(s.rest) - len(strings.TrimLeft(s.rest, "0123456789"))
		n, err := strconv.Atoi(s.rest[:digits])
		if err != nil {
			return nil, fmt.Errorf("need a whole number at %.20q", s.rest)
		}
		s.rest = strings.TrimLeft(s.rest[digits:], " \n")
		if numbers = append(numbers, n); len(numbers) > maxNpyAxes {
			return nil, fmt.Errorf("more than %d axes", maxNpyAxes)
		}
		if !s.take(",") && !strings.HasPrefix(s.rest, ")") {
			return nil, fmt.Errorf("need a comma at %.20q", s.rest)
		}
	}
	return numbers, nil
}
