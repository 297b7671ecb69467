package torch

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"

	"tweedie/weights"
)

// The values of the first two pickles of the older format.
var legacyMagic, _ = new(big.Int).SetString("1950a86a20f9469cfc6c", 16)

const legacyProtocol = 1001

// parseLegacy returns the value of the fourth pickle of a file. A pickle with the keys of
// storages follows, and then each storage: its number of elements in 8 bytes, and its numbers.
// A file of pickle.dump alone is one pickle; the storages of its tensors are files of
// torch.save in it.
func parseLegacy(in io.ReaderAt, size int64, c *contents) (root any, container string, err error) {
	section := io.NewSectionReader(in, 0, size)
	buffered := bufio.NewReader(section)
	from := &source{Reader: buffered, left: min(size, maxPickle)}
	next := func(load func(any) (any, error)) (any, error) {
		m := &machine{contents: c, in: from, load: load}
		return m.run()
	}
	noStorage := func(any) (any, error) { return nil, fmt.Errorf("pickle refers to a storage too early") }
	first, err := next(noStorage)
	if err != nil {
		return nil, "", fmt.Errorf("is neither a zip archive nor a file with PyTorch's magic number: %w", err)
	}
	switch v := first.(type) {
	case *dict, *list, tuple, *object, *tensorValue:
		if !c.within {
			return v, Pickle, nil
		}
	}
	if n, ok := first.(*big.Int); !ok || n.Cmp(legacyMagic) != 0 {
		return nil, "", fmt.Errorf("must be a zip archive or start with PyTorch's magic number (got %s)", describe(first))
	}
	if v, err := next(noStorage); err != nil {
		return nil, "", err
	} else if v != (any)(int64(legacyProtocol)) {
		return nil, "", fmt.Errorf("protocol must be %d (got %s)", legacyProtocol, describe(v))
	}
	system, err := next(noStorage)
	if err != nil {
		return nil, "", err
	}
	if d, ok := system.(*dict); ok {
		for _, p := range d.pairs {
			if p.key == (any)("little_endian") && p.value != (any)(true) {
				return nil, "", fmt.Errorf("must be little-endian (got big-endian)")
			}
		}
	}
	stores := legacyStores{}
	root, err = next(resolve(stores.find))
	if err != nil {
		return nil, "", err
	}
	keys, err := next(noStorage)
	if err != nil {
		return nil, "", err
	}
	at := min(size, maxPickle) - from.left
	return root, Legacy, stores.assign(keys, in, at, size)
}

// legacyStores are the storages that a pickle refers to, by key, including views of a part of
// one as storages of their own.
type legacyStores map[string][]*storage

// find records a storage. Its position in the file is known only after the pickle.
func (l legacyStores) find(key string, dtype weights.DType, count int64, args tuple) (*storage, error) {
	if dtype == "" {
		return nil, fmt.Errorf("storage %q has no type", key)
	}
	s := &storage{key: key, dtype: dtype, bytes: count * int64(dtype.Size())}
	root := s
	if len(args) > 5 && args[5] != nil { // (key, offset, count) of a view
		part, ok := args[5].(tuple)
		if !ok || len(part) != 3 {
			return nil, fmt.Errorf("storage %q must have a view of three numbers (got %s)", key, describe(args[5]))
		}
		offset, ok := part[1].(int64)
		number, ok2 := part[2].(int64)
		if !ok || !ok2 || offset < 0 || number < 0 || offset > count || number > count-offset {
			return nil, fmt.Errorf("storage %q of %d numbers has a view of offset %s and size %s, which exceeds it", key, count, describe(part[1]), describe(part[2]))
		}
		size := int64(dtype.Size())
		root = &storage{key: key, dtype: dtype, bytes: number * size, at: offset * size}
		l[key] = append(l[key], root)
		return root, nil
	}
	l[key] = append(l[key], root)
	return root, nil
}

// assign sets the position of each storage: they are in the order of keys, from byte at on.
func (l legacyStores) assign(keys any, in io.ReaderAt, at, size int64) error {
	order, ok := keys.(*list)
	if !ok {
		return fmt.Errorf("the storages' keys must be a list (got %s)", describe(keys))
	}
	assigned := map[string]bool{}
	for _, k := range order.items {
		key, ok := k.(string)
		if !ok || assigned[key] || len(l[key]) == 0 {
			return fmt.Errorf("storage %s is not one that the pickle refers to, or occurs twice", describe(k))
		}
		assigned[key] = true
		var count [8]byte
		if _, err := in.ReadAt(count[:], at); err != nil {
			return fmt.Errorf("storage %q: %w", key, err)
		}
		at += 8
		n := binary.LittleEndian.Uint64(count[:])
		number := int64(l[key][0].dtype.Size())
		if n > uint64(size-at)/uint64(number) {
			return fmt.Errorf("storage %q has %d numbers of %d bytes, but only %d bytes are left", key, n, number, size-at)
		}
		bytes := int64(n) * number
		for _, s := range l[key] {
			if s.at > bytes || s.bytes > bytes-s.at {
				return fmt.Errorf("storage %q must be %d bytes (got %d)", key, s.at+s.bytes, bytes)
			}
			s.in, s.at = in, s.at+at
		}
		at += bytes
	}
	for key := range l {
		if !assigned[key] {
			return fmt.Errorf("storage %q is not in the file", key)
		}
	}
	return nil
}
