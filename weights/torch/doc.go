// Package torch reads files of torch.save, zip archives (PyTorch 1.6 and later) and the older
// sequence of pickles, without executing code.
//
// A pickle is a program. The interpreter here supports the opcodes for containers, strings and
// numbers, and the few globals that tensors need. Objects of other globals are set aside, with
// their names in File.Aside; a global that can run commands is an error that names it.
// Tensors are listed when a file is opened and read one by one on demand.
//
// Input is not trusted: every size is compared with the number of available bytes before memory
// is allocated for it, nesting is bounded, and an object that contains itself is an error.
package torch

import "errors"

// ErrFormat is wrapped by errors about the content of a file.
var ErrFormat = errors.New("not a usable PyTorch file")

// The limits of a file.
const (
	maxPickle  = 64 << 20 // bytes of a pickle, without the tensors' numbers
	maxSteps   = 1 << 22  // opcodes of all pickles of a file
	maxStack   = 1 << 20  // values on the stack or in the memo of a pickle
	maxDepth   = 64       // nesting of containers
	maxEntries = 1 << 18  // tensors and other values of a file
	maxName    = 1 << 10  // bytes of a value's name
	maxNames   = 16 << 20 // bytes of all names
	maxRepeat  = 16 << 20 // bytes of a tensor whose strides repeat parts of its storage
)
