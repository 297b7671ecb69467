package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tweedie/core/modeltest"
	"tweedie/tools/convert/internal/cmd"
	"tweedie/weights/npy"
)

// FuzzCommandLine runs command lines that are drawn at random: any command with any of its
// flags, over models, pictures, arrays and data sets that are good, odd or broken. Each
// must end with a status and, if that is not 0, one line that says why; none may panic.
func FuzzCommandLine(f *testing.F) {
	for seed := range uint64(48) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		args := drawLine(t, rand.New(rand.NewPCG(seed, 1)))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // some would work for hours
		defer cancel()
		var stdout, stderr bytes.Buffer
		switch status := runContext(ctx, args, &stdout, &stderr); {
		case !slices.Contains([]int{0, 1, 2, stopped}, status):
			t.Errorf("tweedie %q: status %d", args, status)
		case status != 0 && !strings.HasPrefix(lastLine(stderr.String()), "tweedie"):
			t.Errorf("tweedie %q: status %d, %q", args, status, stderr.String())
		case strings.Contains(stderr.String(), "goroutine "):
			t.Errorf("tweedie %q: %s", args, stderr.String())
		}
	})
}

func lastLine(text string) string {
	text = strings.TrimSuffix(text, "\n")
	return text[strings.LastIndex(text, "\n")+1:]
}

// drawLine draws a command line.
func drawLine(t *testing.T, rng *rand.Rand) []string {
	var commands []*cobra.Command
	for _, c := range cmd.New().Commands() {
		if c.Name() != "serve" && c.Name() != "data" { // one would serve, the other use the network
			commands = append(commands, c)
		}
	}
	c := commands[rng.IntN(len(commands))]
	files, out := oddFiles(), t.TempDir()
	t.Chdir(out) // where a drawn name of a file lies
	args := []string{c.Name()}
	words := strings.Fields(c.Use)[1:]
	for i, word := range words {
		switch pool := files.models; {
		case rng.IntN(40) == 0: // left out
		case i > 0 && strings.HasPrefix(words[i-1], "-"): // the name of a flag's value
		case strings.HasPrefix(word, "-"):
			args = append(args, required(rng, c, word, files, out)...)
			continue
		case strings.Contains(word, "DATA"):
			args = append(args, one(rng, files.data))
		case strings.Contains(word, "MODEL"), word == "IN", word == "FILE":
			args = append(args, one(rng, pool))
		}
	}
	var all []*pflag.Flag
	c.Flags().VisitAll(func(f *pflag.Flag) { all = append(all, f) })
	for range rng.IntN(5) {
		args = append(args, drawFlag(rng, all[rng.IntN(len(all))], files, out)...)
	}
	if c.Name() == "train" {
		args = append(args, "--steps", "1", "--batch", "2")
	}
	return args
}

// required returns the value of a flag that the usage of a command names.
func required(rng *rand.Rand, c *cobra.Command, word string, files *odd, out string) []string {
	f := c.Flags().Lookup(strings.TrimLeft(word, "-"))
	if f == nil {
		f = c.Flags().ShorthandLookup(strings.TrimLeft(word, "-"))
	}
	if f == nil {
		return nil
	}
	return drawFlag(rng, f, files, out)
}

// drawFlag draws the value of a flag.
func drawFlag(rng *rand.Rand, f *pflag.Flag, files *odd, out string) []string {
	if rng.IntN(10) == 0 {
		return []string{"--" + f.Name, one(rng, []string{"", "x", "NaN", "-1", "\x00", "ü", "99999999999999999999", "0", "1e300", files.models[0]})}
	}
	words := []string{"none", "3", "dpmpp2m", "karras", "auto", "small", "tiny", "exact", "crop", "pad", "f16", "int8", "int4", "mixed", "1,2", "0", "8", "8x8", "8x", "train", "test"}
	var value string
	switch f.Value.Type() {
	case "bool":
		return []string{"--" + f.Name}
	case "duration":
		value = one(rng, []string{"0", "1ms", "1ms", "1ms", "1h"})
	case "float64":
		value = one(rng, []string{"0", "-0", "1", "0.5", "-1", "1e-300", "2", "0.01", "79", "1.5"})
	case "string", "stringSlice":
		switch {
		case f.Name == "output" && rng.IntN(8) > 0:
			value = filepath.Join(out, one(rng, []string{"x.png", "x.npy", "x.json", "folder", "no/x.png", "no/x.json"}))
		case f.Name == "mask" || f.Name == "image":
			value = one(rng, files.pictures)
		case f.Name == "npy" || f.Name == "grid" || f.Name == "classifier":
			value = filepath.Join(out, one(rng, []string{"a.npy", "a.png", "a.json"}))
		case f.Name == "images" || f.Name == "x" || f.Name == "t" || f.Name == "y":
			value = one(rng, files.arrays)
		case f.Name == "guide" || f.Name == "guide-classifier" || f.Name == "teacher" || f.Name == "config" || f.Name == "card":
			value = one(rng, files.models)
		case f.Name == "data":
			value = one(rng, files.data)
		case rng.IntN(3) > 0 && enumerated(f) != nil:
			value = one(rng, enumerated(f))
		default:
			value = one(rng, words)
		}
	default: // whole numbers
		value = one(rng, []string{"0", "1", "2", "3", "4", "1", "2", "3", "4", "7", "010", "1000", "9223372036854775807", "1,2"})
	}
	return []string{"--" + f.Name, value}
}

// enumerated returns the words of the help of a flag, some of which are its values.
func enumerated(f *pflag.Flag) []string {
	_, list, _ := strings.Cut(f.Usage, ": ")
	return strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(" ,;()", r) })
}

func one(rng *rand.Rand, all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[rng.IntN(len(all))]
}

// odd is files for command lines.
type odd struct{ models, pictures, arrays, data []string }

// oddFiles writes them, once for all tests.
var oddFiles = sync.OnceValue(func() *odd {
	root, failed := toyRun() // which TestMain removes
	if failed != "" {
		panic(failed)
	}
	dir := filepath.Join(root, "odd")
	if err := os.Mkdir(dir, 0o777); err != nil {
		panic(err)
	}
	good := filepath.Join(root, "run", "model.json")
	song, err := filepath.Abs("testdata/song.pt")
	if err != nil {
		panic(err)
	}
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			panic(err)
		}
		return path
	}
	o := &odd{models: []string{good, good, good, good, good, song, "missing.json", dir, os.DevNull, write("empty.json", nil), write("null.json", []byte("null"))}}
	for _, name := range []string{"classes", "flow", "ncsn", "hybrid", "vdm", "consistency-training", "simple"} {
		args := []string{"train", root, "-o", filepath.Join(dir, name), "--arch", "tiny", "--steps", "1", "--batch", "2", "--sample-every", "-1", "--objective", name}
		if name == "simple" {
			args = append(args, "--process", "ve")
		}
		run(args, io.Discard, io.Discard)
		o.models = append(o.models, filepath.Join(dir, name, "model.json"))
	}
	manifest, err := os.ReadFile(good)
	if err != nil {
		panic(err)
	}
	for i, change := range [][2]string{{`"steps":20`, `"steps":-1`}, {`[1,8,8]`, `[4,8,8]`}, {`"sigma_max":80`, `"sigma_max":1e300`}, {`"prediction":"edm"`, `"prediction":"score"`}, {`"sampler":"dpmpp2m"`, `"sampler":"ddpm"`}} {
		o.models = append(o.models, write(fmt.Sprintf("changed%d.json", i), modeltest.Summed(bytes.Replace(manifest, []byte(change[0]), []byte(change[1]), 1))))
	}
	for _, channels := range []int{2, 3, 4, 5} {
		path := filepath.Join(dir, fmt.Sprintf("channels%d.json", channels))
		writeModel(tester{}, path, smallOf(tester{}, channels))
		o.models = append(o.models, path)
	}
	images := map[string]image.Image{
		"gray.png": image.NewGray(image.Rect(0, 0, 8, 8)), "rgba.png": image.NewNRGBA(image.Rect(0, 0, 9, 7)), "deep.png": image.NewRGBA64(image.Rect(0, 0, 8, 8)),
		"dot.png": image.NewGray16(image.Rect(0, 0, 1, 1)), "long.png": image.NewGray(image.Rect(0, 0, 4000, 1)), "palette.png": image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.Black, color.Transparent}),
		"white.png": whitePicture(8),
	}
	// In a fixed order, so that a seed draws the same command line each time.
	for _, name := range slices.Sorted(maps.Keys(images)) {
		img := images[name]
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			panic(err)
		}
		o.pictures = append(o.pictures, write(name, b.Bytes()), write("cut-"+name, b.Bytes()[:b.Len()/2]))
		b.Reset()
		if jpeg.Encode(&b, img, nil) == nil {
			o.pictures = append(o.pictures, write(name+".jpg", b.Bytes()))
		}
	}
	o.pictures = append(o.pictures, good, "missing.png", dir, "")
	arrays := map[string]*npy.Array{
		"x.npy": {Shape: []int{2, 1, 8, 8}, Data: make([]float32, 128)}, "t.npy": {Shape: []int{2}, Data: []float32{1, 2}}, "y.npy": {Shape: []int{2}, Data: []int64{0, 3}},
		"none.npy": {Shape: []int{0, 8, 8, 1}, Data: []uint8{}}, "images.npy": {Shape: []int{6, 8, 8, 1}, Data: make([]uint8, 384)}, "scalar.npy": {Shape: []int{}, Data: []float64{1}},
		"far.npy": {Shape: []int{2}, Data: []int64{-1, 1 << 60}}, "few.npy": {Shape: []int{1, 8, 8, 1}, Data: make([]uint8, 64)},
	}
	for _, name := range slices.Sorted(maps.Keys(arrays)) {
		path := filepath.Join(dir, name)
		if err := npy.Write(path, arrays[name]); err != nil {
			panic(err)
		}
		o.arrays = append(o.arrays, path)
	}
	o.arrays = append(o.arrays, good, write("cut.npy", []byte("\x93NUMPY\x01\x00")))
	unlabelled := filepath.Join(dir, "unlabelled")
	os.Mkdir(unlabelled, 0o777)
	for _, i := range []string{"a", "b", "c"} {
		data, _ := os.ReadFile(filepath.Join(dir, "gray.png"))
		os.WriteFile(filepath.Join(unlabelled, i+".png"), data, 0o666)
	}
	o.data = []string{root, root, evalData(), evalData(), unlabelled, dir, "missing", good}
	return o
})

// whitePicture returns a picture that repaints everything as a mask.
func whitePicture(side int) image.Image {
	img := image.NewGray(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	return img
}
