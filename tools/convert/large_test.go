package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"tweedie/core/tensor"
	"tweedie/core/unet"
)

// numbers writes n float32 of a normal distribution, of the size that a layer of so many
// inputs starts with.
func numbers(w io.Writer, rng *rand.Rand, n, inputs int) error {
	sd := 1 / math.Sqrt(float64(inputs))
	buffer := make([]byte, 0, 4<<12)
	for n > 0 {
		some := min(n, 1<<12)
		buffer = buffer[:0]
		for range some {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(float32(sd*rng.NormFloat64())))
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
		n -= some
	}
	return nil
}

// written writes a file by write.
func written(t testing.TB, path string, write func(w io.Writer) error) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
}

// aside makes a folder that is removed when the test ends: of the whole benchmark, for a
// file that several of its rows read.
func aside(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "tweedie-large-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// largeFolder writes a folder of diffusers with some bytes of weights at least, all of
// them noise, and returns it. It stands in a folder of its own.
func largeFolder(t testing.TB, bytes int) string {
	t.Helper()
	groups := 32
	c := unet.Config{
		SampleSize: unet.Square(8), InChannels: 3, OutChannels: 3, LayersPerBlock: 2, NormNumGroups: groups, NormEps: 1e-5,
		DownBlockTypes: []string{"DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "DownBlock2D"},
		UpBlockTypes:   []string{"UpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D"},
	}
	var net *unet.Network
	size := 0
	for width := groups; size < bytes; width += groups {
		c.BlockOutChannels = []int{width, 2 * width, 2 * width, 2 * width}
		var err error
		if net, err = unet.Build(&c); err != nil {
			t.Fatal(err)
		}
		size = 0
		for _, d := range net.Program.Params {
			size += 4 * tensor.Size(d.Shape)
		}
	}
	header, at := map[string]any{}, 0
	for _, d := range net.Program.Params {
		end := at + 4*tensor.Size(d.Shape)
		header[d.Name] = map[string]any{"dtype": "F32", "shape": d.Shape, "data_offsets": []int{at, end}}
		at = end
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(aside(t), "large")
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	config, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "config.json"), config, 0o666); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	written(t, filepath.Join(folder, "diffusion_pytorch_model.safetensors"), func(w io.Writer) error {
		if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
			return err
		}
		for _, d := range net.Program.Params {
			n := tensor.Size(d.Shape)
			if err := numbers(w, rng, n, n/d.Shape[0]); err != nil {
				return err
			}
		}
		return nil
	})
	return folder
}

// largeGraph writes an ONNX file of convolutions, one after another, with some bytes of
// weights at least; apart puts them into a file beside it. It returns the graph's path.
func largeGraph(t testing.TB, bytes int, apart bool) string {
	t.Helper()
	const width = 512
	layers := max(1, bytes/(4*9*width*width))
	field := func(b []byte, number int, value any) []byte {
		switch v := value.(type) {
		case int:
			return protowire.AppendVarint(protowire.AppendTag(b, protowire.Number(number), protowire.VarintType), uint64(v))
		case string:
			return protowire.AppendString(protowire.AppendTag(b, protowire.Number(number), protowire.BytesType), v)
		}
		return protowire.AppendBytes(protowire.AppendTag(b, protowire.Number(number), protowire.BytesType), value.([]byte))
	}
	port := func(name string, dims ...int) []byte {
		var shape []byte
		for _, d := range dims {
			shape = field(shape, 1, field(nil, 1, d))
		}
		return field(field(nil, 1, name), 2, field(nil, 1, field(field(nil, 1, 1), 2, shape)))
	}
	folder := aside(t)
	var nodes []byte
	var tensors [][]byte // their bytes before those of the numbers
	var sizes []int
	value, offset := "x", 0
	convolution := func(i, out, in int) {
		w, y := fmt.Sprintf("%d.weight", i), fmt.Sprintf("y%d", i)
		node := field(field(field(field(nil, 1, value), 1, w), 2, y), 4, "Conv")
		pads := field(nil, 1, "pads")
		for range 4 {
			pads = field(pads, 8, 1)
		}
		nodes = field(nodes, 1, field(node, 5, pads))
		h := field(field(nil, 2, 1), 8, w)
		for _, d := range []int{out, in, 3, 3} {
			h = field(h, 1, d)
		}
		n := out * in * 9
		if apart {
			for _, pair := range [][2]string{{"location", "large.onnx.data"}, {"offset", strconv.Itoa(offset)}, {"length", strconv.Itoa(4 * n)}} {
				h = field(h, 13, field(field(nil, 1, pair[0]), 2, pair[1]))
			}
			h = field(h, 14, 1)
		} else {
			h = protowire.AppendVarint(protowire.AppendTag(h, 9, protowire.BytesType), uint64(4*n))
		}
		tensors, sizes, offset, value = append(tensors, h), append(sizes, n), offset+4*n, y
	}
	convolution(0, width, 3)
	for i := range layers {
		convolution(i+1, width, width)
	}
	convolution(layers+1, 3, width)
	graph := field(field(field(nodes, 11, port("x", 1, 3, 8, 8)), 11, port("t", 1)), 12, port(value, 1, 3, 8, 8))
	size := len(graph)
	for i, h := range tensors {
		n := len(h)
		if !apart {
			n += 4 * sizes[i]
		}
		size += 1 + protowire.SizeBytes(n)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	path := filepath.Join(folder, "large.onnx")
	written(t, path, func(w io.Writer) error {
		head := field(field(nil, 2, "noise"), 8, field(nil, 2, 14))
		head = protowire.AppendVarint(protowire.AppendTag(head, 7, protowire.BytesType), uint64(size))
		if _, err := w.Write(append(head, graph...)); err != nil {
			return err
		}
		for i, h := range tensors {
			n := len(h)
			if !apart {
				n += 4 * sizes[i]
			}
			h = append(protowire.AppendVarint(protowire.AppendTag(nil, 5, protowire.BytesType), uint64(n)), h...)
			if _, err := w.Write(h); err != nil {
				return err
			}
			if !apart {
				if err := numbers(w, rng, sizes[i], 9*width); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if apart {
		written(t, filepath.Join(folder, "large.onnx.data"), func(w io.Writer) error {
			for _, n := range sizes {
				if err := numbers(w, rng, n, 9*width); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return path
}
