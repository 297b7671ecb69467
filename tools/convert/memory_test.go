package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"tweedie/core/tensor"
	"tweedie/core/unet"
)

// asCommand makes the test binary the command itself, so that a test can measure a
// process of its own; it holds the file that the peak of the memory is written to.
const asCommand = "TWEEDIE_TEST_PEAK"

// runAsCommand runs the command line of a process of a test, and notes its peak.
func runAsCommand(peak string) int {
	status := run(os.Args[1:], os.Stdout, os.Stderr)
	if err := os.WriteFile(peak, []byte(strconv.Itoa(peakMemory())), 0o666); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

// peakMemory returns the most bytes of memory that the process ever took, 0 where the
// system does not say.
func peakMemory() int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kb, _ := strconv.Atoi(strings.Fields(after + " 0")[0])
	return kb << 10
}

// peakOf runs a command line that has to work in a process of its own, and returns the
// peak of its memory.
func peakOf(t testing.TB, args ...string) int {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the peak of a process is read from Linux's /proc")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	peak := filepath.Join(t.TempDir(), "peak")
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asCommand+"="+peak)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("tweedie %s: %v: %s", strings.Join(args, " "), err, text)
	}
	text, err := os.ReadFile(peak)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n == 0 {
		t.Fatalf("the peak is %q, %v", text, err)
	}
	return n
}

// checkpointMB is how large the files are that conversions are measured on.
var checkpointMB = flag.Int("checkpoint", 320, "MB of the checkpoints whose conversion is measured")

// TestMemory converts files that are larger than the memory which that takes.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes and converts files of 320 MB")
	}
	const most = 256_000_000 // the program, a shard under way and what its compressor keeps, a large tensor
	for name, path := range map[string]string{"diffusers": largeFolder(t, *checkpointMB<<20), "ONNX": largeGraph(t, *checkpointMB<<20, true)} {
		peak := peakOf(t, "convert", path, "-o", filepath.Join(t.TempDir(), "out.json"), "--quant", "int4", "--no-measure")
		t.Logf("%s: %d MB of weights in %d MB", name, *checkpointMB<<20/1e6, peak/1e6)
		if peak > most {
			t.Errorf("%s: %d MB of weights took %d MB, need at most %d", name, *checkpointMB<<20/1e6, peak/1e6, most/1_000_000)
		}
	}
}

// BenchmarkMemory shows the peak of the memory for every way to store a checkpoint.
func BenchmarkMemory(b *testing.B) {
	kinds := []struct {
		name string
		path func() string
	}{
		{"safetensors", func() string { return largeFolder(b, *checkpointMB<<20) }},
		{"onnx", func() string { return largeGraph(b, *checkpointMB<<20, false) }},
		{"onnx-apart", func() string { return largeGraph(b, *checkpointMB<<20, true) }},
	}
	for _, kind := range kinds {
		path := kind.path()
		for _, as := range names() {
			b.Run(kind.name+"/"+as, func(b *testing.B) {
				for b.Loop() {
					out := filepath.Join(b.TempDir(), "out.json")
					peak := peakOf(b, "convert", path, "-o", out, "--quant", as)
					b.ReportMetric(float64(peak)/1e6, "MB-peak")
				}
			})
		}
		os.RemoveAll(path)
		os.Remove(path + ".data")
	}
}

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

// largeFolder writes a folder of diffusers with some bytes of weights at least, all of
// them noise, and returns it.
func largeFolder(t testing.TB, bytes int) string {
	t.Helper()
	groups := 32
	c := unet.Config{
		SampleSize: 8, InChannels: 3, OutChannels: 3, LayersPerBlock: 2, NormNumGroups: groups, NormEps: 1e-5,
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
	folder := t.TempDir()
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
	folder := t.TempDir()
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
