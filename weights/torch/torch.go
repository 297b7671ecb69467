package torch

import (
	"errors"
	"fmt"
	"io"
	"os"

	"tweedie/weights"
	"tweedie/weights/lazytensor"
)

// File is an open file. Its tensors can be read until it is closed.
type File struct {
	Tensors   []lazytensor.Tensor // in the order of the file; a tensor in two places is listed twice
	Values    []Value             // numbers, strings and booleans
	Aside     []string            // globals whose objects are neither tensors nor values; they were set aside, and nothing was executed
	Container string              // Zip, Legacy or Pickle
	closer    io.Closer
}

// The values of File.Container.
const (
	Zip    = "zip"
	Legacy = "legacy"
	Pickle = "pickle"
)

// Value is a simple value in a file: a bool, int64, float64 or string.
type Value struct {
	Name  string
	Value any
}

// Open opens the file at path. The error wraps ErrFormat if it is about the content of the
// file, and names a global of the pickle that is not supported.
func Open(path string) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("torch: %w", err)
	}
	info, err := in.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is not a regular file")
	}
	var f *File
	if err == nil {
		f, err = Parse(in, info.Size())
	}
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("torch: %w: %q: %w", ErrFormat, path, err)
	}
	f.closer = in
	return f, nil
}

// Close closes the file. Tensors cannot be read afterwards.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Parse lists the tensors of a file of size bytes, without reading their data.
func Parse(in io.ReaderAt, size int64) (*File, error) {
	c := &contents{aside: map[global]bool{}}
	root, container, err := parse(in, size, c)
	if err != nil {
		return nil, err
	}
	f := &File{Container: container, Aside: c.names()}
	w := walker{file: f}
	if err := w.walk("", root, 0); err != nil {
		return nil, err
	}
	if len(f.Tensors) == 0 && len(f.Aside) > 0 {
		return nil, fmt.Errorf("contains no tensors but objects of %q, whose code is needed to find them and which is not executed: save the weights alone, with torch.save(model.state_dict(), \"weights.pt\")", f.Aside)
	}
	return f, nil
}

// parse returns the value of the pickle of a file, and the kind of file.
func parse(in io.ReaderAt, size int64, c *contents) (root any, container string, err error) {
	var magic [4]byte
	if _, err := in.ReadAt(magic[:], 0); err != nil {
		return nil, "", fmt.Errorf("is %d bytes, which is too short for a PyTorch file", size)
	}
	if string(magic[:]) == "PK\x03\x04" {
		root, err = parseZip(in, size, c)
		return root, Zip, err
	}
	return parseLegacy(in, size, c)
}

// resolve returns a function that finds the storage for a persistent id, ("storage", type, key,
// location, count, …). The location, a device, is ignored.
func resolve(find func(key string, dtype weights.DType, count int64, args tuple) (*storage, error)) func(any) (any, error) {
	return func(id any) (any, error) {
		args, ok := id.(tuple)
		if !ok || len(args) < 5 || args[0] != (any)("storage") {
			return nil, fmt.Errorf("pickle must refer to a storage (got %s)", describe(id))
		}
		g, _ := args[1].(global)
		dtype, known := storages[g.name]
		key, isText := args[2].(string)
		count, isCount := args[4].(int64)
		if !known || !isText || !isCount || count < 0 || count > 1<<48 {
			return nil, fmt.Errorf("pickle must refer to a storage by a supported type, a key and a count (got %s, %s, %s)", describe(args[1]), describe(args[2]), describe(args[4]))
		}
		return find(key, dtype, count, args)
	}
}

// walker lists the tensors and values in the result of a pickle.
type walker struct {
	file  *File
	count int // values so far
	names int // bytes of their names
}

func (w *walker) walk(name string, v any, depth int) error {
	if w.count, w.names = w.count+1, w.names+len(name); w.count > maxEntries || w.names > maxNames {
		return fmt.Errorf("contains more than %d values, or %d bytes of names", maxEntries, maxNames)
	}
	if depth > maxDepth {
		return fmt.Errorf("%.60q is nested more than %d deep, or contains itself", name, maxDepth)
	}
	if len(name) > maxName {
		return fmt.Errorf("name %.60q… is longer than %d bytes", name, maxName)
	}
	switch v := v.(type) {
	case *tensorValue:
		read := func() ([]byte, error) {
			data, err := v.read()
			if err != nil {
				return nil, fmt.Errorf("torch: tensor %q: %w", name, err)
			}
			return data, nil
		}
		w.file.Tensors = append(w.file.Tensors, lazytensor.Tensor{Name: name, DType: v.dtype, Shape: v.shape, Read: read})
	case *dict:
		// Of two members with the same key the last counts, as in Python.
		last := make(map[string]int, len(v.pairs))
		for i, p := range v.pairs {
			last[key(p.key)] = i
		}
		for i, p := range v.pairs {
			k := key(p.key)
			if last[k] != i {
				continue
			}
			if err := w.walk(join(name, k), p.value, depth+1); err != nil {
				return err
			}
		}
	case *object:
		return w.walk(name, &v.members, depth+1)
	case *list:
		return w.items(name, v.items, depth)
	case tuple:
		return w.items(name, v, depth)
	case bool, int64, float64, string:
		w.file.Values = append(w.file.Values, Value{name, v})
	}
	return nil
}

func (w *walker) items(name string, items []any, depth int) error {
	for i, v := range items {
		if err := w.walk(join(name, fmt.Sprint(i)), v, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// key returns the name of a dict's member.
func key(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool, int64, float64:
		return fmt.Sprint(v)
	}
	return describe(v)
}

func join(name, part string) string {
	if name == "" {
		return part
	}
	return name + "." + part
}
