// Package torch reads what torch.save wrote: zip archives (PyTorch 1.6 and later)
// and the older stream of pickles, without executing anything.
//
// A pickle is a program. The interpreter here knows the opcodes that containers,
// strings and numbers are made of, and the few globals that a tensor is made of;
// any other global is an error that names it. Tensors are listed when a file is
// opened and read one by one when they are asked for.
//
// Bytes are hostile: every size is compared with the bytes there are before
// anything is allocated for it, nesting is bounded, and an object that holds
// itself is an error.
package torch

import "errors"

// ErrFormat is wrapped by the errors about what a file holds.
var ErrFormat = errors.New("not a usable PyTorch file")

// The limits of what is read.
const (
	maxPickle  = 64 << 20 // bytes of a pickle, without the tensors' numbers
	maxSteps   = 1 << 22  // opcodes of all pickles of a file
	maxStack   = 1 << 20  // values that a pickle has at hand at once, or keeps
	maxDepth   = 64       // containers inside one another
	maxEntries = 1 << 18  // tensors and other values of a file
	maxName    = 1 << 10  // bytes of a value's name
	maxNames   = 16 << 20 // bytes of all names
	maxRepeat  = 16 << 20 // bytes of a tensor whose strides visit its storage more than once
)
