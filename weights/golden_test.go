package weights

import (
	"bytes"
	"errors"
	"math"
	"os"
	"slices"
	"testing"
)

// golden returns the model that testdata/make.py wrote.
func golden(t testing.TB) (manifest []byte, shards [][]byte) {
	t.Helper()
	for _, name := range []string{"golden.json", "golden.000.safetensors.zst", "golden.001.safetensors.zst"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		shards = append(shards, data)
	}
	return shards[0], shards[1:]
}

// TestGolden reads a model that Python and the zstd command wrote from FORMAT.md.
func TestGolden(t *testing.T) {
	manifest, shards := golden(t)
	m, err := ParseManifest(manifest)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Decode(shards)
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "golden" || string(m.Card) != `{
  "license": "Apache-2.0"
 }` || len(m.Shards) != 2 {
		t.Errorf("got manifest %+v", m)
	}
	for _, tt := range []struct {
		name  string
		shape []int
		want  []float32
	}{
		{"conv.weight", []int{2, 1, 1, 2}, []float32{63.5, -63.5, 0, 0}},
		{"conv.bias", []int{2}, []float32{1, -2}},
		{"norm.weight", []int{3}, []float32{1, 2, 4}},
	} {
		got, shape, err := f.Float32(tt.name)
		if err != nil {
			t.Error(err)
		}
		if !slices.Equal(got, tt.want) || !slices.Equal(shape, tt.shape) {
			t.Errorf("%s: got %v %v, want %v %v", tt.name, shape, got, tt.shape, tt.want)
		}
	}
	if f.Parameters() != 9 || len(f.Tensors()) != 3 {
		t.Errorf("got %d parameters in %d tensors, want 9 in 3", f.Parameters(), len(f.Tensors()))
	}
	if f.Tensor("conv.weight.scale") != nil {
		t.Error("scales are a tensor of their own, want them as a field of the codes")
	}
	if _, _, err := f.Float32("absent"); err == nil {
		t.Error("no error for a tensor that the model does not have")
	}
}

// TestGolden4 reads int4 and byte planes that Python wrote from FORMAT.md.
func TestGolden4(t *testing.T) {
	manifest, err := os.ReadFile("testdata/golden4.json")
	if err != nil {
		t.Fatal(err)
	}
	shard, err := os.ReadFile("testdata/golden4.000.safetensors.zst")
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseManifest(manifest)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Decode([][]byte{shard})
	if err != nil {
		t.Fatal(err)
	}
	got, shape, err := f.Float32("linear.weight")
	if err != nil || !slices.Equal(shape, []int{3, 7, 5}) {
		t.Fatalf("got shape %v, %v; want [3 7 5]", shape, err)
	}
	scales := []float32{0.5, 1, 2, 0.25, 65504, 0}
	for i, v := range got {
		r, c := i/35, i%35
		if want := float32((3*r+c)%16-8) * scales[2*r+c/32]; v != want {
			t.Errorf("weight [%d,%d] is %g, want %g", r, c, v, want)
		}
	}
	if got, _, err := f.Float32("linear.bias"); err != nil || !slices.Equal(got, []float32{1, -2.5, 0x1p-24}) {
		t.Errorf("got %v, %v; want [1 -2.5 2⁻²⁴]", got, err)
	}
	if m.Version != 2 || len(f.Tensors()) != 2 || f.Parameters() != 108 || f.Tensor("linear.weight").DType != I4 || f.Tensor("linear.bias").DType != F16 {
		t.Errorf("got version %d, tensors %+v", m.Version, f.Tensors())
	}
}

// TestGoldenSafetensors reads every type from a file that Python wrote.
func TestGoldenSafetensors(t *testing.T) {
	data, err := os.ReadFile("testdata/mixed.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	tensors, metadata, err := ParseSafetensors(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(metadata) != 1 || metadata["format"] != "pt" {
		t.Errorf("got metadata %v, want format pt", metadata)
	}
	want := map[string][]float32{
		"f64":    {1.5, -2.25e-3},
		"f32":    {0.1, float32(math.Copysign(0, -1)), 3e38, 1e-45},
		"f16":    {65504, 0x1p-24, -0.333251953125},
		"bf16":   {-1.5, 0x1p100},
		"scalar": {7},
		"empty":  {},
	}
	for _, tensor := range tensors {
		got, err := tensor.Float32()
		if tensor.Name == "i64" {
			if err == nil {
				t.Error("i64: no error for integers as weights")
			}
			continue
		}
		if err != nil || !slices.Equal(got, want[tensor.Name]) || got == nil {
			t.Errorf("%s: got %v, %v; want %v", tensor.Name, got, err, want[tensor.Name])
		}
		delete(want, tensor.Name)
	}
	if len(want) != 0 {
		t.Errorf("tensors not found: %v", want)
	}
}

// TestGoldenBitFlips flips every bit of every file of a model, one at a time. Each
// must be detected, except in text of the manifest that only people read.
func TestGoldenBitFlips(t *testing.T) {
	manifest, shards := golden(t)
	m, err := ParseManifest(manifest)
	if err != nil {
		t.Fatal(err)
	}
	for i := range shards {
		for bit := range 8 * len(shards[i]) {
			broken := slices.Clone(shards)
			broken[i] = slices.Clone(shards[i])
			broken[i][bit/8] ^= 1 << (bit % 8)
			if _, err := m.Decode(broken); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("shard %d, bit %d flipped: got error %v, want ErrCorrupt", i, bit, err)
			}
		}
		for n := range shards[i] {
			broken := slices.Clone(shards)
			broken[i] = shards[i][:n]
			if _, err := m.Decode(broken); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("shard %d cut to %d bytes: got error %v, want ErrCorrupt", i, n, err)
			}
		}
	}
	for n := range len(manifest) {
		if _, err := ParseManifest(manifest[:n]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("manifest cut to %d bytes: got error %v, want ErrCorrupt", n, err)
		}
	}
	for bit := range 8 * len(manifest) {
		broken := slices.Clone(manifest)
		broken[bit/8] ^= 1 << (bit % 8)
		// A flip may change text only, such as the name. It must not cause a panic or
		// an error without a sentinel.
		m, err := ParseManifest(broken)
		if err == nil {
			_, err = m.Decode(shards)
		}
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
			t.Fatalf("manifest, bit %d flipped: got error %v without a sentinel", bit, err)
		}
	}
}

// A manifest of version 3 that Python wrote from FORMAT.md contains its own SHA-256, by which
// every changed bit is found; so is every changed bit of a shard.
func TestEveryFlippedBitIsFound(t *testing.T) {
	manifest, err := os.ReadFile("testdata/golden3.json")
	if err != nil {
		t.Fatal(err)
	}
	_, shards := golden(t)
	decode := func(manifest []byte) error {
		m, err := ParseManifest(manifest)
		if err == nil {
			_, err = m.Decode(shards)
		}
		return err
	}
	if err := decode(manifest); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"the manifest": manifest, "shard 0": shards[0], "shard 1": shards[1]} {
		for bit := range 8 * len(data) {
			data[bit/8] ^= 1 << (bit % 8)
			if decode(manifest) == nil {
				t.Errorf("bit %d of byte %d of %s (%q): the change was not found", bit%8, bit/8, name, data[bit/8])
			}
			data[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// What this package writes contains the same SHA-256 that Python computes.
func TestManifestSum(t *testing.T) {
	m, tensors := example(t)
	manifest, _, err := Encode("example", m, tensors)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseManifest(manifest)
	if err != nil || read.Version != Version || read.SHA256 != m.SHA256 || len(m.SHA256) != 64 {
		t.Fatalf("got version %d, sha256 %q, %v, want %d and %q", read.Version, read.SHA256, err, Version, m.SHA256)
	}
	if _, err := ParseManifest(append([]byte("\n"), append(manifest, "\r\n"...)...)); err != nil {
		t.Errorf("white space around a manifest: got %v, want none", err)
	}
	_, err = ParseManifest(bytes.Replace(manifest, []byte(`"config": {`), []byte(`"config": { "a": 1,`), 1))
	corrupt(t, err, "it was damaged or edited")
	_, err = ParseManifest(bytes.Replace(manifest, []byte(`"sha256"`), []byte(`"sha265"`), 1))
	corrupt(t, err, "sha256 is missing")
	_, err = ParseManifest(bytes.Replace(manifest, []byte(`"version": 3`), []byte(`"version": 2`), 1))
	corrupt(t, err, "it was damaged or edited")
}
