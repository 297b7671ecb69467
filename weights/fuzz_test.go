package weights

import (
	"errors"
	"os"
	"testing"
)

// FuzzParseManifest: any bytes give a manifest within the limits of the format, or an
// error with a sentinel.
func FuzzParseManifest(f *testing.F) {
	manifest, _ := golden(f)
	f.Add(manifest)
	f.Add([]byte(`{"format":"tweedie-model","version":2}`))
	f.Add([]byte(`{"format":"tweedie-model","version":1,"name":"n","config":{"a":[[[{}]]]},"shards":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Fatalf("error without a sentinel: %v", err)
			}
			return
		}
		if err := m.check(); err != nil || len(m.Shards) < 1 || len(m.Shards) > MaxShards || m.RawBytes() > MaxShards*MaxShard {
			t.Fatalf("accepted %+v: %v", m, err)
		}
		encoded, err := m.encode()
		if err != nil {
			return // indentation may make it longer than the limit
		}
		if _, err := ParseManifest(encoded); err != nil {
			t.Fatalf("rewritten manifest is refused: %v", err)
		}
	})
}

// FuzzParseSafetensors: any bytes give tensors that match their shapes and can be written
// and read again, or ErrCorrupt.
func FuzzParseSafetensors(f *testing.F) {
	for _, tt := range safetensorsCases {
		f.Add(tt.data)
	}
	_, tensors := example(f)
	var flat []Tensor
	for i := range tensors {
		flat = append(flat, tensors[i].arrays()...)
	}
	data, err := EncodeSafetensors(flat, map[string]string{"format": "pt"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, metadata, err := ParseSafetensors(data)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("error without ErrCorrupt: %v", err)
			}
			return
		}
		for i := range tensors {
			tensor := &tensors[i]
			if tensor.Len()*tensor.DType.Size() != len(tensor.Data) {
				t.Fatalf("tensor %q: %d bytes, shape %v of %s", tensor.Name, len(tensor.Data), tensor.Shape, tensor.DType)
			}
			tensor.Float32()
			tensor.check()
		}
		again, err := EncodeSafetensors(tensors, metadata)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := ParseSafetensors(again); err != nil {
			t.Fatalf("rewritten file is refused: %v", err)
		}
	})
}

// FuzzDecode decodes any shard, with the right hash.
func FuzzDecode(f *testing.F) {
	_, shards := golden(f)
	f.Add(shards[0], 256)
	f.Add(shards[1], 92)
	if shard, err := os.ReadFile("testdata/golden4.000.safetensors.zst"); err != nil {
		f.Fatal(err)
	} else {
		f.Add(shard, 352)
	}
	m, tensors := example(f)
	_, encoded, err := Encode("example", m, tensors)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encoded[0], m.Shards[0].RawBytes)
	f.Fuzz(func(t *testing.T, data []byte, rawBytes int) {
		if rawBytes < 0 || rawBytes > 1<<20 || len(data) > MaxShard {
			return // ParseManifest refuses these; the limit here is lower, for speed
		}
		file, err := sealed(data, rawBytes).Decode([][]byte{data})
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("error without ErrCorrupt: %v", err)
			}
			return
		}
		for _, tensor := range file.Tensors() {
			values, shape, err := file.Float32(tensor.Name)
			if err != nil {
				t.Fatal(err)
			}
			n := 1
			for _, d := range shape {
				n *= d
			}
			for i, v := range values {
				if v-v != 0 {
					t.Fatalf("tensor %q: number %d is %g", tensor.Name, i, v)
				}
			}
			if n != len(values) {
				t.Fatalf("tensor %q: %d numbers, shape %v", tensor.Name, len(values), shape)
			}
		}
	})
}
