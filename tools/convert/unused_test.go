package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// diffusersFolder is a network with ten classes, as diffusers saves it.
const diffusersFolder = "../../weights/importer/testdata/diffusers/new"

// A flag that has no effect on the checkpoint, or that would make a model that cannot be
// opened, is an error that names it, and nothing is written.
func TestConvertRefusesFlags(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ in, flags, want string }{
		{diffusersFolder, "--unit-pixels", "--unit-pixels has no effect on a checkpoint of diffusers"},
		{diffusersFolder, "--input-x x", "--input-x has no effect"},
		{diffusersFolder, "--time-shift 1", "--time-shift has no effect"},
		{diffusersFolder, "--heads 2", "--heads has no effect"},
		{diffusersFolder, "--new-attention-order", "--new-attention-order has no effect"},
		{diffusersFolder, "--sigma-data 1", "--sigma-data has no effect"},
		{diffusersFolder, "--sigma-max 4", "--sigma-max has no effect"},
		{diffusersFolder, "--null-class 10", "--null-class must be from 0 to 9"},
		{diffusersFolder, "--null-class -1", "--null-class must be from 0 to 9"},
		{diffusersFolder, "--sampler nosuch", "--sampler must be one of dpmpp2m"},
		{diffusersFolder, "--sampler consistency", "--sampler must be another"},
		{diffusersFolder, "--guidance 3", "--guidance must be 1 for a model without a null class"},
		{diffusersFolder, "--guidance 0", "--guidance must be a number above 0"},
		{diffusersFolder, "--steps 0", "--steps must be from 1 to 10000"},
		{diffusersFolder, "--steps 100000", "--steps must be from 1 to 10000"},
		{"testdata/song.pt", "--heads 2", "--heads has no effect"},
		{"testdata/song.pt", "--sigma-min 1", "--sigma-min has no effect"},
		{fixture("unet"), "--heads 2", "--heads has no effect on an ONNX file"},
		{fixture("unet"), "--sigma-data 1", "--sigma-data has no effect on an ONNX file"},
		{toyModel(t), "--prediction v", "--prediction has no effect on a model"},
		{toyModel(t), "--null-class 1", "--null-class must be left out"},
		{toyModel(t), "--size 16", "--size has no effect on a model"},
	} {
		out := filepath.Join(dir, "m.json")
		status, _, stderr := call(t, append([]string{"convert", c.in, "-o", out, "--no-measure"}, strings.Fields(c.flags)...)...)
		if status != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s %s: status %d and %q, want 2 and %q", c.in, c.flags, status, stderr, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s %s: a model was written", c.in, c.flags)
			os.Remove(out)
		}
	}
}

// The null class of a checkpoint makes guidance possible.
func TestConvertNullClass(t *testing.T) {
	out := filepath.Join(t.TempDir(), "m.json")
	must(t, "convert", diffusersFolder, "-o", out, "--null-class", "9", "--guidance", "2", "--no-measure")
	must(t, "sample", out, "--class", "none", "--guidance", "1", "--steps", "1")
	must(t, "sample", out, "--class", "8", "--steps", "1")
	if status, _, stderr := call(t, "sample", out, "--class", "9", "--steps", "1"); status != 2 {
		t.Errorf("the null class by its number: status %d and %q, want 2", status, stderr)
	}
}
