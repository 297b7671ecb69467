// Package flags holds the flags that several commands share, and the errors for wrong use
// of the command line.
package flags

import (
	"fmt"
)

// Misuse is a wrong use of the command line: exit status 2.
type Misuse struct{ error }

func (m *Misuse) Unwrap() error { return m.error }

// Misused returns a Misuse with a formatted text.
func Misused(format string, args ...any) error { return &Misuse{fmt.Errorf(format, args...)} }
