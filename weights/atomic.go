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

// WriteAtomic writes data to the file path so that at every moment, a crash or a
// power cut included, path holds either what it held before or all of data: it
// writes a new file in the same folder, flushes it to the disk, and renames it.
// On an error path is as it was and the new file is gone.
func WriteAtomic(path string, data []byte) error {
	return WriteAtomicBy(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// WriteAtomicBy is WriteAtomic for what write writes, and its error.
func WriteAtomicBy(path string, write func(w io.Writer) error) error {
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

// underWay returns the name of the file that one of this name was to become, if it is one
// of WriteAtomicBy's that was not renamed.
func underWay(name string) (of string, ok bool) {
	of, ok = strings.CutSuffix(name, ".tmp")
	if dot := strings.LastIndexByte(of, '.'); ok && strings.HasPrefix(of, ".") && dot > 0 {
		return of[1:dot], true
	}
	return "", false
}

// syncFolder flushes the names in a folder, the renamed file's among them.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" { // which flushes no folders
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
