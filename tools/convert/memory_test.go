package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"tweedie/weights"
	"tweedie/weights/export"
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
	const most = 256_000_000                         // the program, a shard under way and what its compressor keeps, a large tensor
	const mostOwn = 256_000_000 + 2*weights.MaxShard // what a weights.Reader keeps too
	folder, own := largeFolder(t, *checkpointMB<<20), filepath.Join(t.TempDir(), "own.json")
	for _, c := range []struct {
		name string
		most int
		args []string
	}{
		{"diffusers", most, []string{"convert", folder, "-o", own, "--no-measure"}},
		{"own", mostOwn, []string{"convert", own, "-o", filepath.Join(t.TempDir(), "out.json"), "--quant", "int4", "--no-measure"}},
		{"ONNX", most, []string{"convert", largeGraph(t, *checkpointMB<<20, true), "-o", filepath.Join(t.TempDir(), "out.json"), "--quant", "int4", "--no-measure"}},
		{"verify", most, []string{"verify", own}},
	} {
		peak := peakOf(t, c.args...)
		t.Logf("%s: %d MB of weights in %d MB", c.name, *checkpointMB<<20/1e6, peak/1e6)
		if peak > c.most {
			t.Errorf("%s: %d MB of weights took %d MB, need at most %d", c.name, *checkpointMB<<20/1e6, peak/1e6, c.most/1_000_000)
		}
	}
}

// BenchmarkMemory shows the peak of the memory for every kind of checkpoint and every way
// to store it, and for what else reads a model.
func BenchmarkMemory(b *testing.B) {
	size := *checkpointMB << 20
	for _, kind := range []struct {
		name string
		make func() string
	}{
		{"safetensors", func() string { return largeFolder(b, size) }},
		{"sharded", func() string { return sharded(b, largeFolder(b, size)) }},
		{"torch-zip", func() string { return pickled(b, largeFolder(b, size), true) }},
		{"torch-legacy", func() string { return pickled(b, largeFolder(b, size), false) }},
		{"npz", func() string { return archived(b, largeFolder(b, size)) }},
		{"onnx", func() string { return largeGraph(b, size, false) }},
		{"onnx-apart", func() string { return largeGraph(b, size, true) }},
		{"own", func() string { return ownModel(b, largeFolder(b, size)) }},
	} {
		path := "" // made when a row asks for it
		row := func(name string, args func(out string) []string) {
			b.Run(kind.name+"/"+name, func(b *testing.B) {
				if path == "" {
					path = kind.make()
				}
				out := filepath.Join(b.TempDir(), "out.json")
				for b.Loop() {
					b.ReportMetric(float64(peakOf(b, args(out)...))/1e6, "MB-peak")
				}
			})
		}
		for _, as := range []string{"f32", "f16", "int8", "int4", "mixed"} {
			row(as, func(out string) []string { return []string{"convert", path, "-o", out, "--quant", as} })
		}
		if kind.name == "own" {
			for _, format := range export.Formats {
				row("export-"+format, func(out string) []string { return []string{"export", path, "-o", out + ".d", "--format", format} })
			}
			row("verify", func(string) []string { return []string{"verify", path} })
			row("inspect", func(string) []string { return []string{"inspect", path} })
			row("posterior", func(out string) []string {
				return []string{"posterior", path, colours(b), "-o", out, "-n", "4", "--levels", "2"}
			})
		}
		if path != "" {
			os.RemoveAll(filepath.Dir(path))
		}
	}
}
