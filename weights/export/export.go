// Package export writes models as files of other programs: a folder that diffusers opens as a
// UNet2DModel, or only the weights as safetensors or npz. Weights are float32 under the model's
// names, which are diffusers'. Tensors are written one by one.
package export

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/tensor"
	"tweedie/weights"
)

// Formats lists the formats of Write.
var Formats = []string{"diffusers", "safetensors", "npz"}

// Names of the files. The first three are diffusers'.
const (
	diffusersName = "diffusion_pytorch_model.safetensors"
	configName    = "config.json"
	schedulerName = "scheduler_config.json"
	plainName     = "model"
	exportName    = "tweedie.json" // the configuration of a network that diffusers does not support; the importer reads it
)

// Write writes m to folder, which must exist, in one of Formats. notes lists what the files do
// not represent of the model, one sentence each. Weights are written first; each file is
// written completely or not at all.
//
// The error is a read or write error, or names what diffusers does not support in the network;
// then nothing has been written.
func Write(folder, format string, m *model.Model) (notes []string, err error) {
	if m == nil {
		return nil, errors.New("export: the model must not be nil")
	}
	d, err := describe(m)
	switch format {
	case "diffusers":
		if err != nil {
			return nil, err
		}
		err = weights.WriteAtomicFunc(filepath.Join(folder, diffusersName), func(w io.Writer) error { return safetensors(w, m) })
	case "safetensors":
		if d, err = orOwnConfig(d, err, m); err != nil {
			return nil, err
		}
		err = weights.WriteAtomicFunc(filepath.Join(folder, plainName+".safetensors"), func(w io.Writer) error { return safetensors(w, m) })
	case "npz":
		if d, err = orOwnConfig(d, err, m); err != nil {
			return nil, err
		}
		err = weights.WriteAtomicFunc(filepath.Join(folder, plainName+".npz"), func(w io.Writer) error { return npz(w, m) })
	default:
		return nil, fmt.Errorf("export: format must be one of %q (got %q)", Formats, format)
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
	return d.notes, weights.WriteAtomic(filepath.Join(folder, exportName), d.own)
}

// orOwnConfig returns d or, if err says that diffusers does not support the network, a
// description with the model's own configuration.
func orOwnConfig(d *description, err error, m *model.Model) (*description, error) {
	if err == nil {
		return d, nil
	}
	manifest, mErr := m.Manifest(nil)
	if mErr != nil {
		return nil, mErr
	}
	return &description{own: append(manifest.Config, '\n'), notes: []string{fmt.Sprintf("there is no %s: %v; the model's configuration is in %s", configName, err, exportName)}}, nil
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

// writeFloats writes numbers, little-endian, in chunks.
func writeFloats(w io.Writer, numbers []float32) error {
	const chunk = 1 << 14
	var data []byte
	for len(numbers) > 0 {
		n := min(chunk, len(numbers))
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
