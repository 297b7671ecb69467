package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tweedie/core/quant"
)

// quantized returns a tensor of reproducible random numbers.
func quantized(t testing.TB, name string, d DType, shape ...int) Tensor {
	t.Helper()
	n, seed := 1, uint64(len(name))
	for _, a := range shape {
		n *= a
	}
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(rng.IntN(4001)-2000) / 1024
	}
	out, err := Quantize(name, shape, data, Storage{DType: d})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// example returns a model with tensors of every type.
func example(t testing.TB) (*Manifest, []Tensor) {
	m := &Manifest{
		Name:   "example",
		Config: jsontext.Value(`{"arch": "unet2d", "sigma_data": 0.5, "classes": ["<0>", "1"]}`),
		Card:   jsontext.Value(`{"licence":"Apache-2.0"}`),
	}
	return m, []Tensor{
		quantized(t, "conv_in.weight", I8, 16, 1, 3, 3),
		quantized(t, "conv_in.bias", I8, 16),
		quantized(t, "time_embedding.linear_1.weight", F16, 64, 16),
		quantized(t, "conv_out.weight", F32, 1, 16, 3, 3),
		quantized(t, "temperature", F32),
		quantized(t, "mid.to_q.weight", I4, 7, 5, 3, 3),
	}
}

func TestEncodeRoundTrip(t *testing.T) {
	m, tensors := example(t)
	manifest, shards, err := Encode("example", m, tensors)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseManifest(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if read.Name != m.Name || !slices.Equal(read.Shards, m.Shards) || m.Version != Version || m.Format != Format {
		t.Errorf("got manifest %+v, want %+v", read, m)
	}
	config, want := read.Config.Clone(), m.Config.Clone()
	if config.Compact() != nil || want.Compact() != nil || string(config) != string(want) {
		t.Errorf("got config %s, want %s", config, want)
	}
	f, err := read.Decode(shards)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Tensors()) != len(tensors) {
		t.Fatalf("got %d tensors, want %d", len(f.Tensors()), len(tensors))
	}
	for _, want := range tensors {
		got := f.Tensor(want.Name)
		if got == nil || got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) ||
			!bytes.Equal(got.Data, want.Data) || !slices.Equal(got.Scale, want.Scale) {
			t.Errorf("tensor %q: got %+v, want %+v", want.Name, got, want)
		}
	}
	if got, want := read.RawBytes(), read.Shards[0].RawBytes; got != want || read.Bytes() != len(shards[0]) {
		t.Errorf("got %d raw, %d stored bytes, want %d, %d", got, read.Bytes(), want, len(shards[0]))
	}
}

// TestEncodeSameBytes: the bytes do not depend on the order of tensors, and are the same
// in every build of this test (native, wasm).
func TestEncodeSameBytes(t *testing.T) {
	m, tensors := example(t)
	manifest, shards, err := Encode("example", m, tensors)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(tensors)
	again, shards2, err := Encode("example", m, tensors)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(manifest, again) || !bytes.Equal(shards[0], shards2[0]) {
		t.Error("the order of tensors changes the bytes")
	}
	// Changes with the format or with the compressor's version, not with the machine.
	const want = "475ded51d3a3bd991ca00096805eb792ea2e9e25d468c67d801676981831fa13"
	if got := fmt.Sprintf("%x", sha256.Sum256(slices.Concat(manifest, shards[0]))); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestEncodeFrames: arrays, and the byte planes of one, do not share an entropy code: their
// size together is at most the sum of their sizes alone.
func TestEncodeFrames(t *testing.T) {
	size := func(tensors ...Tensor) int {
		_, shards, err := Encode("a", &Manifest{Name: "a", Config: jsontext.Value("{}")}, tensors)
		if err != nil {
			t.Fatal(err)
		}
		return len(shards[0])
	}
	codes := func(name string, levels int) Tensor {
		out := Tensor{Name: name, DType: I8, Shape: []int{1, 20000}, Scale: []float32{1}, Data: make([]byte, 20000)}
		for i := range out.Data {
			out.Data[i] = byte(i * 7919 % levels)
		}
		return out
	}
	few, many := codes("few", 3), codes("many", 100)
	if together, alone := size(few, many), size(few)+size(many); together > alone {
		t.Errorf("arrays take %d bytes together, %d alone", together, alone)
	}
	halves := Tensor{Name: "halves", DType: F16, Shape: []int{20000}, Data: make([]byte, 40000)}
	for i := range 20000 {
		halves.Data[2*i], halves.Data[2*i+1] = byte(i*7919), byte(i%2)
	}
	if got, most := size(halves), 20000+20000/8+300; got > most { // eight bits per low byte, one per high byte
		t.Errorf("planes take %d bytes, want at most %d", got, most)
	}
}

// TestEncodeManyIncompressible: a shard of many incompressible arrays is within the limit.
func TestEncodeManyIncompressible(t *testing.T) {
	noise := rand.NewChaCha8([32]byte{1})
	var tensors []Tensor
	for i := range 6400 {
		v := Tensor{Name: fmt.Sprint(i), DType: I8, Shape: []int{1, minFrame}, Scale: []float32{1}, Data: make([]byte, minFrame)}
		noise.Read(v.Data)
		for k := range v.Data {
			v.Data[k] = byte(max(-quant.MaxCode, int8(v.Data[k])))
		}
		tensors = append(tensors, v)
	}
	manifest, shards, err := Encode("a", &Manifest{Name: "a", Config: jsontext.Value("{}")}, tensors)
	if err != nil {
		t.Fatal(err)
	}
	if len(shards) < 2 {
		t.Errorf("%d shards, want a full one", len(shards))
	}
	m, err := ParseManifest(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Decode(shards); err != nil {
		t.Error(err)
	}
}

func TestEncodeShards(t *testing.T) {
	big := func(name string, bytes int) Tensor {
		return Tensor{Name: name, DType: F32, Shape: []int{bytes / 4}, Data: make([]byte, bytes)}
	}
	m := &Manifest{Name: "large", Config: jsontext.Value(`{}`)}
	manifest, shards, err := Encode("large", m, []Tensor{
		big("a", 10<<20), big("b", 10<<20), big("c", 10<<20), big("d", 23<<20), big("e", 4), big("f", 10<<20),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(shards) != 3 { // 63 MiB in total
		t.Errorf("got %d shards, want 3", len(shards))
	}
	if m, err = ParseManifest(manifest); err != nil {
		t.Fatal(err)
	}
	if f, err := m.Decode(shards); err != nil || len(f.Tensors()) != 6 {
		t.Errorf("got %v, %v; want 6 tensors", f, err)
	}
	// A tensor that cannot be split begins the next shard.
	row := func(name string, bytes int) Tensor {
		return Tensor{Name: name, DType: F32, Shape: []int{1, bytes / 4}, Data: make([]byte, bytes)}
	}
	if _, shards, err = Encode("rows", m, []Tensor{row("a", 13<<20), row("b", 13<<20), row("c", 10<<20)}); err != nil || len(shards) != 2 {
		t.Errorf("got %d shards of rows, %v, want 2", len(shards), err)
	}
	many := make([]Tensor, maxEntries+1)
	for i := range many {
		many[i] = big(fmt.Sprintf("%05d", i), 4)
	}
	if _, shards, err = Encode("many", m, many); err != nil || len(shards) != 2 {
		t.Errorf("got %d shards of many tensors, %v, want 2", len(shards), err)
	} else if f, err := m.Decode(shards); err != nil || len(f.Tensors()) != len(many) {
		t.Errorf("many tensors: %v", err)
	}
	long := big("a", MaxShard)
	long.Shape = []int{1, MaxShard / 4}
	_, _, err = Encode("large", m, []Tensor{long})
	if err == nil || !strings.Contains(err.Error(), `"a": needs 2516`) {
		t.Errorf("got error %v, want one about a row too long for a shard", err)
	}
}

// TestEncodeSplits: tensors larger than a shard, of every type and with an odd number of
// rows, are read back unchanged.
func TestEncodeSplits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const rows, cols = 1001, 40_000
	var tensors []Tensor
	for _, d := range []DType{F32, F16, I8, I4} {
		s := Tensor{Name: string(d), DType: d, Shape: []int{rows, cols / 8, 8}}
		size, err := dataSize(d, s.Shape)
		if err != nil {
			t.Fatal(err)
		}
		s.Data = make([]byte, size)
		for i := range 1000 { // few different numbers, so that they compress quickly
			s.Data[i*(size/1000)] = byte(i%15 + 1)
		}
		switch d {
		case I8:
			s.Scale = make([]float32, rows)
		case I4:
			s.Scale = make([]float32, scales(s.Shape))
		}
		for i := range s.Scale {
			s.Scale[i] = float32(i % 64)
		}
		tensors = append(tensors, s)
	}
	m := &Manifest{Name: "split", Config: jsontext.Value(`{}`)}
	manifest, shards, err := Encode("split", m, tensors)
	if err != nil {
		t.Fatal(err)
	}
	if m, err = ParseManifest(manifest); err != nil {
		t.Fatal(err)
	}
	f, err := m.Decode(shards)
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != Version || len(f.Tensors()) != 4 || f.Parameters() != 4*rows*cols {
		t.Errorf("got version %d, %d tensors, %d parameters", m.Version, len(f.Tensors()), f.Parameters())
	}
	for _, want := range tensors {
		got := f.Tensor(want.Name)
		if got == nil || got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) || !bytes.Equal(got.Data, want.Data) || !slices.Equal(got.Scale, want.Scale) {
			t.Errorf("%s changed in the round trip", want.Name)
		}
	}
}

// BenchmarkDecode reads a model of the size that a page loads.
func BenchmarkDecode(b *testing.B) {
	var tensors []Tensor
	for i := range 30 {
		tensors = append(tensors, quantized(b, fmt.Sprintf("conv%d.weight", i), I8, 64, 64, 3, 3))
	}
	m := &Manifest{Name: "bench", Config: jsontext.Value(`{}`)}
	_, shards, err := Encode("bench", m, tensors)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(m.RawBytes()))
	for b.Loop() {
		if _, err := m.Decode(shards); err != nil {
			b.Fatal(err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	good := quantized(t, "a", I8, 2, 3)
	with := func(change func(*Tensor)) []Tensor {
		bad := good
		change(&bad)
		return []Tensor{quantized(t, "first", F32, 4), bad}
	}
	nan := binaryNaN(F32)
	for _, tt := range []struct {
		name, stem, want string
		m                *Manifest
		tensors          []Tensor
	}{
		{name: "stem", stem: "a/b", want: `file name "a/b"`},
		{name: "long stem", stem: strings.Repeat("a", 300), want: "file name must be at most 256 bytes (got 329)"},
		{name: "no name", m: &Manifest{Config: jsontext.Value("{}")}, want: "name must be 1 to 256 bytes (got 0)"},
		{name: "no config", m: &Manifest{Name: "x"}, want: "config: is missing"},
		{name: "config no object", m: &Manifest{Name: "x", Config: jsontext.Value("[]")}, want: "config: must be an object (got an array)"},
		{name: "broken card", m: &Manifest{Name: "x", Config: jsontext.Value("{}"), Card: jsontext.Value(`{"a":}`)}, want: "card: "},
		{name: "nothing", tensors: []Tensor{}, want: "the model must have at least one tensor"},
		{name: "type", tensors: with(func(t *Tensor) { t.DType = BF16 }), want: `tensor "a": type must be F32, F16, I8 or I4 (got "BF16")`},
		{name: "twice", tensors: []Tensor{good, good}, want: `tensor "a": the name is already used`},
		{name: "scale's name", tensors: []Tensor{good, quantized(t, "a.scale", F32, 2)}, want: `tensor "a.scale": the name is already used`},
		{name: "empty axis", tensors: with(func(t *Tensor) { t.Shape = []int{0, 3} }), want: "axis 0 of shape [0 3] must be at least 1 (got 0)"},
		{name: "short", tensors: with(func(t *Tensor) { t.Data = t.Data[1:] }), want: "has 5 bytes, shape [2 3] of I8 needs 6"},
		{name: "no scale", tensors: with(func(t *Tensor) { t.Scale = nil }), want: "0 scales for I8 of shape [2 3], which has 2"},
		{name: "NaN scale", tensors: with(func(t *Tensor) { t.Scale = []float32{1, float32(math.NaN())} }), want: "scale of row 1 must be in [0, 2.6793884e+36] (got NaN)"},
		{name: "code", tensors: with(func(t *Tensor) { t.Data = []byte{0, 0, 0, 0, 128, 0} }), want: "code [1,1] must be in [-127, 127] (got -128)"},
		{name: "vector codes", tensors: with(func(t *Tensor) { t.Shape, t.Scale = []int{6}, make([]float32, 6) }), want: "must have two or more axes"},
		{name: "scales of floats", tensors: with(func(t *Tensor) { t.DType, t.Data = F32, make([]byte, 24) }), want: "must be I8 or I4 with scales (got F32)"},
		{name: "NaN", tensors: []Tensor{nan}, want: "number 1 of 2 is NaN or infinite (bits 0x7fc00000)"},
		{name: "no tensor name", tensors: with(func(t *Tensor) { t.Name = "" }), want: "name must be 1 to 256 bytes (got 0)"},
		{name: "metadata", tensors: with(func(t *Tensor) { t.Name = "__metadata__" }), want: "reserves the name for metadata"},
		{name: "control", tensors: with(func(t *Tensor) { t.Name = "a\nb" }), want: "control character"},
		{name: "not UTF-8", tensors: with(func(t *Tensor) { t.Name = "a\xff" }), want: "not UTF-8"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, tensors := example(t)
			if tt.m != nil {
				m = tt.m
			}
			if tt.tensors != nil {
				tensors = tt.tensors
			}
			stem := tt.stem
			if stem == "" {
				stem = "example"
			}
			_, _, err := Encode(stem, m, tensors)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "weights: ") {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
			if errors.Is(err, ErrCorrupt) {
				t.Errorf("error %v wraps ErrCorrupt, which is about files", err)
			}
		})
	}
}

// binaryNaN returns a tensor of two numbers, the second a NaN.
func binaryNaN(d DType) Tensor {
	data := map[DType][]byte{
		F16:  {0, 0, 0, 0x7e},
		BF16: {0, 0, 0xc0, 0x7f},
		F32:  {0, 0, 0, 0, 0, 0, 0xc0, 0x7f},
		F64:  {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f},
	}[d]
	return Tensor{Name: "nan", DType: d, Shape: []int{2}, Data: data}
}

func TestCheckFinite(t *testing.T) {
	for _, d := range []DType{F16, BF16, F32, F64} {
		bad := binaryNaN(d)
		if err := bad.checkFinite(); err == nil {
			t.Errorf("%s: NaN passes", d)
		}
		inf := bad
		inf.Data = slices.Clone(bad.Data)
		if d == BF16 || d == F32 {
			inf.Data[len(inf.Data)-2] = 0x80
		} else {
			inf.Data[len(inf.Data)-2] = map[DType]byte{F16: 0, F64: 0xf0}[d]
			inf.Data[len(inf.Data)-1] = map[DType]byte{F16: 0x7c, F64: 0x7f}[d]
		}
		if err := inf.checkFinite(); err == nil {
			t.Errorf("%s: infinity passes", d)
		}
		inf.Data[len(inf.Data)-1] &^= 0x40 // clears the exponent's highest bit
		if err := inf.checkFinite(); err != nil {
			t.Errorf("%s: %v", d, err)
		}
	}
}
