package torch

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// object is a value that a pickle makes by a global that tensors do not need, such as a date, a
// number of NumPy or a class of a program: it is set aside, and the global is not executed. Its
// members are those of a class derived from dict.
type object struct {
	of      global
	members dict
}

// dangerous are the modules that programs hidden in pickles call to run commands or code. A
// file that refers to one is refused as a whole.
var dangerous = []string{
	"os", "posix", "nt", "subprocess", "sys", "runpy", "importlib", "socket", "shutil", "pty", "webbrowser", "ctypes", "code", "codeop",
	"pickle", "_pickle", "marshal", "timeit", "asyncio", "multiprocessing", "pip", "builtins", "__builtin__", "__builtins__", "operator", "_operator",
}

// harmless are the globals of those modules that make a plain value.
var harmless = []string{
	"complex", "set", "frozenset", "bytearray", "bytes", "slice", "range", "xrange", "list", "tuple", "dict", "str", "unicode", "int", "long", "float", "bool",
	"object", "NoneType", "Ellipsis", "NotImplemented", "print", "len", "abs", "min", "max", "sum", "sorted", "enumerate", "zip", "map", "filter", "reversed",
}

// refused reports whether a global is one that no file of weights needs.
func (g global) refused() bool {
	module, _, _ := strings.Cut(g.module, ".")
	if !slices.Contains(dangerous, module) {
		return false
	}
	return !strings.Contains(module, "builtin") || !slices.Contains(harmless, g.name)
}

// contents is what the pickles of one file have in common.
type contents struct {
	aside  map[global]bool // the globals whose objects were set aside
	files  int             // files of torch.save within its pickles so far
	within bool            // whether it is such a file itself
}

// setAside returns the object that a global or an object makes when it is called.
func (c *contents) setAside(f any) (any, error) {
	switch f := f.(type) {
	case global:
		if known(f) {
			break
		}
		c.aside[f] = true
		return &object{of: f}, nil
	case *object:
		return &object{of: f.of}, nil
	}
	return nil, fmt.Errorf("pickle calls %s, which is not supported", describe(f))
}

// maxNested bounds the files of torch.save within a pickle: each holds one storage.
const maxNested = 1 << 16

// loadFromBytes is the global of a file of torch.save within a pickle, as pickle.dump writes
// the storage of a tensor.
var loadFromBytes = global{"torch.storage", "_load_from_bytes"}

// nested reads the storage in the bytes of a file of torch.save.
func (c *contents) nested(args tuple) (any, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("the argument must be the bytes of a file (got %d arguments)", len(args))
	}
	data, ok := args[0].([]byte)
	if !ok {
		return nil, fmt.Errorf("the argument must be bytes (got %s)", describe(args[0]))
	}
	if c.files++; c.files > maxNested || c.within {
		return nil, fmt.Errorf("contains more than %d files of torch.save, or one within another", maxNested)
	}
	v, _, err := parse(bytes.NewReader(data), int64(len(data)), &contents{aside: c.aside, within: true})
	return v, err
}

// names returns the globals that were set aside, sorted.
func (c *contents) names() []string {
	var out []string
	for g := range c.aside {
		out = append(out, g.module+"."+g.name)
	}
	slices.Sort(out)
	return out
}
