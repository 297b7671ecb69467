//go:build !js

package weights

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// WriteAtomic replaces the content of the file path by data in one step: at any
// moment, even after a crash or a power cut, path has either its old content or
// all of data. It writes a temporary file in the same folder, flushes it to disk,
// and renames it. On an error path is unchanged and the temporary file is removed.
func WriteAtomic(path string, data []byte) error {
	return WriteAtomicFunc(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteAtomicFunc is WriteAtomic for the bytes that write writes. If write fails, its
// error is returned, wrapped.
func WriteAtomicFunc(path string, write func(w io.Writer) error) error {
	folder, base := filepath.Split(path)
	if folder == "" {
		folder = "."
	}
	f, err := os.CreateTemp(folder, "."+base+".*.tmp")
	if err != nil {
		return fmt.Errorf("weights: write %q: %w", path, err)
	}
	buffer := bufio.NewWriterSize(f, 1<<20)
	err = write(buffer)
	if err == nil {
		err = buffer.Flush()
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		return syncFolder(folder)
	}
	os.Remove(f.Name())
	return fmt.Errorf("weights: write %q: %w", path, err)
}

// temporaryFor reports whether name is that of a temporary file of WriteAtomicFunc, and
// returns the name of the file that it was to replace.
func temporaryFor(name string) (target string, ok bool) {
	target, ok = strings.CutSuffix(name, ".tmp")
	if dot := strings.LastIndexByte(target, '.'); ok && strings.HasPrefix(target, ".") && dot > 0 {
		return target[1:dot], true
	}
	return "", false
}

// syncFolder flushes a folder's entries to disk, so that a rename survives a power cut.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" { // cannot flush folders
		return nil
	}
	d, err := os.Open(folder)
	if err != nil {
		return fmt.Errorf("weights: flush folder %q: %w", folder, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("weights: flush folder %q: %w", folder, err)
	}
	return nil
}
