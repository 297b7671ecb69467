package export

import (
	"archive/zip"
	"fmt"
	"io"
	"time"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/weights/npy"
)

// npz writes m's weights to w as numpy.savez does: an uncompressed zip archive with one npy
// file per parameter.
func npz(w io.Writer, m *model.Model) error {
	archive := zip.NewWriter(w)
	err := m.Each(func(d graph.Declared, numbers []float32) error {
		// A fixed time, the earliest that zip can represent, as NumPy uses: the same model
		// gives the same bytes.
		entry := &zip.FileHeader{Name: d.Name + ".npy", Method: zip.Store, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		f, err := archive.CreateHeader(entry)
		if err != nil {
			return fmt.Errorf("export: npz: tensor %q: %w", d.Name, err)
		}
		if _, err := f.Write(npy.HeaderOf("<f4", d.Shape)); err != nil {
			return err
		}
		return writeFloats(f, numbers)
	})
	if err != nil {
		return err
	}
	return archive.Close()
}
