// Package atomicfile writes files whole or not at all: a reader, a crash or a
// full disk never leaves half a file under the wanted name.
package atomicfile

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Write makes path hold what fill writes. The bytes go to a new file in the same
// folder, are flushed to the disk, and take the name path only when everything
// worked; a file that stood there before stays until then. On any error the new
// file is removed and path is as it was. Permissions are 0666 less the umask.
func Write(path string, fill func(io.Writer) error) (err error) {
	// The hidden name keeps unfinished files out of folder listings.
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()[:8]+".part")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("atomicfile: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(temp)
		}
	}()
	if err := fill(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("atomicfile: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("atomicfile: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("atomicfile: %w", err)
	}
	return nil
}

// WriteBytes makes path hold data, as Write does.
func WriteBytes(path string, data []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
