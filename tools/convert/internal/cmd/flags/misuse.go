// Package flags has the flags that several commands share, and the errors of the one who
// typed them.
package flags

import (
	"fmt"
)

// Misuse is an error of the one who typed the command: exit status 2.
type Misuse struct{ error }

func (m *Misuse) Unwrap() error { return m.error }

// Misused returns a Misuse with a formatted text.
func Misused(format string, args ...any) error { return &Misuse{fmt.Errorf(format, args...)} }

// AsMisuse returns err as a Misuse, nil if there is no error.
func AsMisuse(err error) error {
	if err == nil {
		return nil
	}
	return &Misuse{err}
}
