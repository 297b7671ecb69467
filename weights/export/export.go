// Package export writes models as files of other programs: a folder that diffusers
// opens as a UNet2DModel, or weights alone as safetensors or npz. Weights are float32
// under the model's own names, which are diffusers'; tensors go to the file one by one.
package export

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/tensor"
	"tweedie/weights"
)

// Formats lists what Write knows.
var Formats = []string{"diffusers", "safetensors", "npz"}

// Names of the files. The first three are diffusers'.
const (
	diffusersName = "diffusion_pytorch_model.safetensors"
	configName    = "config.json"
	schedulerName = "scheduler_config.json"
	plainName     = "model"
	ownName       = "tweedie.json" // what the importer reads of a network that diffusers does not have
)

// Write writes m to folder, which is there, in one of Formats. notes says, a sentence
// each, what of the model the files do not say. The weights come first, each file whole
// or not at all.
//
// The error is one of reading or writing, or names what of the network diffusers does
// not have; nothing has then been written.
func Write(folder, format string, m *model.Model) (notes []string, err error) {
	d, err := describe(m)
	switch format {
	case "diffusers":
		if err != nil {
			return nil, err
		}
		err = weights.WriteAtomicFunc(filepath.Join(folder, diffusersName), func(w io.Writer) error { return safetensors(w, m) })
	case "safetensors":
		if d, err = orOwn(d, err, m); err != nil {
			return nil, err
		}
		err = weights.WriteAtomicFunc(filepath.Join(folder, plainName+".safetensors"), func(w io.Writer) error { return safetensors(w, m) })
	case "npz":
		if d, err = orOwn(d, err, m); err != nil {
			return nil, err
		}
		err = weights.WriteAtomicFunc(filepath.Join(folder, plainName+".npz"), func(w io.Writer) error { return npz(w, m) })
	default:
		return nil, fmt.Errorf("export: format is %q, need one of %q", format, Formats)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name string
		text map[string]any
	}{{configName, d.config}, {schedulerName, d.scheduler}} {
		if f.text == nil {
			continue
		}
		data, err := json.MarshalIndent(f.text, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("export: %s: %w", f.name, err)
		}
		if err := weights.WriteAtomic(filepath.Join(folder, f.name), append(data, '\n')); err != nil {
			return nil, err
		}
	}
	if d.own == nil {
		return d.notes, nil
	}
	return d.notes, weights.WriteAtomic(filepath.Join(folder, ownName), d.own)
}

// orOwn returns d, or, where err says that diffusers does not have the network, the
// model's own configuration.
func orOwn(d *description, err error, m *model.Model) (*description, error) {
	if err == nil {
		return d, nil
	}
	manifest, mErr := m.Manifest(nil)
	if mErr != nil {
		return nil, mErr
	}
	return &description{own: append(manifest.Config, '\n'), notes: []string{fmt.Sprintf("no %s: %v; the model's own is %s", configName, err, ownName)}}, nil
}

// safetensors writes m's weights to w.
func safetensors(w io.Writer, m *model.Model) error {
	type entry struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	at := 0
	for _, d := range m.Declared() {
		size := 4 * tensor.Size(d.Shape)
		header[d.Name] = entry{"F32", append([]int{}, d.Shape...), [2]int{at, at + size}}
		at += size
	}
	text, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	return m.Each(func(_ graph.Declared, numbers []float32) error { return writeFloats(w, numbers) })
}

// writeFloats writes numbers, little-endian, a piece at a time.
func writeFloats(w io.Writer, numbers []float32) error {
	const piece = 1 << 14
	var data []byte
	for len(numbers) > 0 {
		n := min(piece, len(numbers))
		data = data[:0]
		for _, v := range numbers[:n] {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
		numbers = numbers[n:]
	}
	return nil
}
