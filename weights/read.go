//go:build !js

package weights

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrLarge is wrapped by ReadFile's error about a file larger than its limit.
var ErrLarge = errors.New("file is too large")

// ReadFile reads a regular file of at most limit bytes. It allocates nothing for any other
// file. The error names the file but no package: the caller adds its own prefix.
func ReadFile(path string, limit int64) ([]byte, error) {
	if err := checkRegular(path, limit); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read %q: %w", path, err)
	}
	return data, nil
}

// checkRegular reports a path that ReadFile refuses, without opening it.
func checkRegular(path string, limit int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("read %q: %w", path, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("read %q: must be a file (got %s)", path, kind(info.Mode()))
	}
	if info.Size() > limit {
		return fmt.Errorf("%w: %q must be at most %d bytes (got %d)", ErrLarge, path, limit, info.Size())
	}
	return nil
}

func kind(mode fs.FileMode) string {
	if mode.IsDir() {
		return "a folder"
	}
	return "not a regular file"
}
