package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// corrupt fails the test unless err wraps ErrCorrupt and contains want.
func corrupt(t *testing.T, err error, want string) {
	t.Helper()
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want ErrCorrupt with %q", err, want)
	}
}

func TestParseManifestRefuses(t *testing.T) {
	sum := strings.Repeat("0", 64)
	shard := `{"file":"a.safetensors.zst","bytes":1,"sha256":"` + sum + `","raw_bytes":1}`
	whole := `{"format":"tweedie-model","version":1,"name":"n","config":{},"shards":[` + shard + `]}`
	if _, err := ParseManifest([]byte(whole)); err != nil {
		t.Fatal(err)
	}
	replaced := func(old, new string) string {
		if strings.Count(whole, old) != 1 {
			t.Fatalf("%q does not occur exactly once in the manifest", old)
		}
		return strings.Replace(whole, old, new, 1)
	}
	for _, tt := range []struct{ name, manifest, want string }{
		{"empty", "", "got the end of the text"},
		{"array", "[]", "must be an object (got an array)"},
		{"text after", whole + "{}", "want nothing after"},
		{"garbage after", whole + "x", "want nothing after"},
		{"long", strings.Repeat(" ", MaxManifest+1), "must be at most 1048576 bytes (got 1048577)"},
		{"not UTF-8", replaced(`"n"`, "\"\xff\""), "UTF-8"},
		{"member twice", replaced(`"version":1`, `"version":1,"version":1`), "want unique names"},
		{"other case", replaced(`"version"`, `"Version"`), "version, a whole number, is missing"},
		{"format", replaced("tweedie-model", "onnx"), `format must be "tweedie-model" (got "onnx")`},
		{"format number", replaced(`"tweedie-model"`, "1"), "format must be a string (got number 1)"},
		{"version text", replaced(`"version":1`, `"version":"1"`), `version must be a whole number in [0, 2147483647] (got string "1")`},
		{"version negative", replaced(`"version":1`, `"version":-1`), "version must be a whole number in [0, 2147483647] (got number -1)"},
		{"version fraction", replaced(`"version":1`, `"version":1.5`), "version must be a whole number in [0, 2147483647] (got number 1.5)"},
		{"version large", replaced(`"version":1`, `"version":1e400`), "version must be a whole number in [0, 2147483647] (got number 1e400)"},
		{"no name", replaced(`"n"`, `""`), "name must be 1 to 256 bytes (got 0)"},
		{"control in name", replaced(`"n"`, `"\u0007"`), "control character"},
		{"no config", replaced(`"config":{},`, ``), "config: is missing"},
		{"config null", replaced(`{},`, `null,`), "config: must be an object (got null)"},
		{"card", replaced(`"config":{},`, `"config":{},"card":3,`), "card: must be an object (got number 3)"},
		{"deep", replaced(`{},`, `{"a":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`},`), "is nested 41 deep"},
		{"very deep", replaced(`{},`, `{"a":`+strings.Repeat("[", 100000)+`},`), "levels of nesting"},
		{"no shards", replaced(shard, ""), "must have 1 to 64 shards (got 0)"},
		{"shards absent", replaced(`"shards"`, `"shard"`), "shards, an array, is missing"},
		{"shards object", replaced("["+shard+"]", "{}"), "shards: must be an array (got an object)"},
		{"shard twice", replaced(shard, shard+","+shard), `shards[1]: file "a.safetensors.zst" is listed twice`},
		{"many shards", replaced(shard, strings.Repeat("0,", MaxShards)+"0"), "shards: has more than 64 elements"},
		{"shard number", replaced(shard, "0"), "shards[0]: must be an object (got number 0)"},
		{"bytes", replaced(`"bytes":1`, `"bytes":25165825`), "bytes must be a whole number in [0, 25165824] (got number 25165825)"},
		{"raw bytes", replaced(`"raw_bytes":1`, `"raw_bytes":1e9`), "raw_bytes must be a whole number in [0, 25165824] (got number 1e9)"},
		{"bytes missing", replaced(`"bytes":1,`, ``), "bytes, a whole number, is missing"},
		{"hash short", replaced(sum, "00"), "want 64 lower-case"},
		{"hash upper", replaced(sum, strings.Repeat("A", 64)), "want 64 lower-case"},
		{"parent", replaced("a.safe", "../a.safe"), "must consist of letters"},
		{"parent's shard", replaced("a.safe", "...safe"), "must consist of letters"},
		{"absolute", replaced("a.safe", "/a.safe"), "must consist of letters"},
		{"backslash", replaced("a.safe", `a\\b.safe`), "must consist of letters"},
		{"URL", replaced("a.safe", "https://x/a.safe"), "must consist of letters"},
		{"query", replaced("a.safe", "a?b.safe"), "must consist of letters"},
		{"percent", replaced("a.safe", "a%2f.safe"), "must consist of letters"},
		{"NUL", replaced("a.safe", `a\u0000.safe`), "must consist of letters"},
		{"hidden", replaced("a.safe", ".a.safe"), "must consist of letters"},
		{"suffix only", replaced("a.safe", ".safe"), "must consist of letters"},
		{"other suffix", replaced(".zst", ".json"), "must consist of letters"},
		{"long file", replaced("a.safe", strings.Repeat("a", 300)+".safe"), "file name must be at most 256 bytes (got 316)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseManifest([]byte(tt.manifest))
			corrupt(t, err, tt.want)
		})
	}
	for _, version := range []string{"0", "4", "2147483647"} {
		// A later version may have any members: only its number is read.
		later := `{"format":"tweedie-model","version":` + version + `,"shards":"elsewhere"}`
		if _, err := ParseManifest([]byte(later)); !errors.Is(err, ErrVersion) || errors.Is(err, ErrCorrupt) {
			t.Errorf("version %s: got error %v, want ErrVersion", version, err)
		}
	}
}

// withHeader returns a safetensors file of that header and n bytes of data.
func withHeader(header string, n int) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), make([]byte, n)...)
}

// safetensorsCases are broken files; the fuzz target starts from them too.
var safetensorsCases = []struct {
	name, want string
	data       []byte
}{
	{"empty", "must be at least 8 bytes (got 0)", nil},
	{"short", "must be at least 8 bytes (got 7)", make([]byte, 7)},
	{"no JSON", "got the end of the text", make([]byte, 8)},
	{"header beyond", "header must be at most 2 bytes (got 9)", append([]byte{9, 0, 0, 0, 0, 0, 0, 0}, "{}"...)},
	{"header huge", "header must be at most 2 bytes (got 18446744073709551615)", append([]byte{255, 255, 255, 255, 255, 255, 255, 255}, "{}"...)},
	{"trailing", "the last tensor ends at byte 0 instead of 1", withHeader(`{}`, 1)},
	{"text after", "want nothing after", withHeader(`{} {}`, 0)},
	{"entry", `tensor "a": must be an object (got number 1)`, withHeader(`{"a":1}`, 0)},
	{"no dtype", "must have the members dtype, shape and data_offsets (got 2 members)", withHeader(`{"a":{"shape":[1],"data_offsets":[0,4]}}`, 4)},
	{"more members", "must have dtype, shape and data_offsets", withHeader(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, 4)},
	{"unknown type", `unknown type "F33"`, withHeader(`{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}`, 4)},
	{"long type", `unknown type "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF…"`, withHeader(`{"a":{"dtype":"`+strings.Repeat("F", 50)+`","shape":[1],"data_offsets":[0,4]}}`, 4)},
	{"type number", "dtype must be a string (got number 3)", withHeader(`{"a":{"dtype":3,"shape":[1],"data_offsets":[0,4]}}`, 4)},
	{"negative axis", "shape [0] must be a whole number in [0, 2147483647] (got number -1)", withHeader(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4)},
	{"fraction", "shape [0] must be a whole number in [0, 2147483647] (got number 1.5)", withHeader(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, 4)},
	{"huge axis", "shape [0] must be a whole number in [0, 2147483647] (got number 4294967296)", withHeader(`{"a":{"dtype":"F32","shape":[4294967296],"data_offsets":[0,4]}}`, 4)},
	{"overflow", "out of range", withHeader(`{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}}`, 4)},
	{"overflow to the size", "out of range", withHeader(`{"a":{"dtype":"I8","shape":[65536,65536,65536,65537],"data_offsets":[0,0]}}`, 0)},
	{"axes", "shape has more than 8 elements", withHeader(`{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}`, 4)},
	{"too short", "shape [2] of F32 needs 8", withHeader(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4)},
	{"beyond", "data_offsets [1] must be a whole number in [0, 4] (got number 8)", withHeader(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4)},
	{"backwards", "data_offsets must be two numbers in ascending order (got [4 0])", withHeader(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4)},
	{"three offsets", "data_offsets has more than 2 elements", withHeader(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}`, 4)},
	{"one offset", "data_offsets must be two numbers in ascending order (got [0])", withHeader(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}`, 4)},
	{"hole", `tensor "a" begins at byte 4 instead of 0`, withHeader(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8)},
	{"overlap", `tensor "b" begins at byte 2 instead of 4`, withHeader(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, 6)},
	{"shared", `tensor "b" begins at byte 0 instead of 4`, withHeader(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4)},
	{"twice", "want unique names", withHeader(`{"a":{"dtype":"I8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"I8","shape":[0],"data_offsets":[0,0]}}`, 0)},
	{"no name", "name must be 1 to 256 bytes (got 0)", withHeader(`{"":{"dtype":"I8","shape":[0],"data_offsets":[0,0]}}`, 0)},
	{"metadata number", `metadata: "a" must be a string (got number 1)`, withHeader(`{"__metadata__":{"a":1}}`, 0)},
	{"metadata list", "metadata: must be an object (got an array)", withHeader(`{"__metadata__":[]}`, 0)},
}

func TestParseSafetensorsRefuses(t *testing.T) {
	for _, tt := range safetensorsCases {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := ParseSafetensors(tt.data)
			corrupt(t, err, tt.want)
		})
	}
}

// sealed returns a manifest whose only shard is data, with the right hash: a file that
// was made to do harm, not one damaged by accident.
func sealed(data []byte, rawBytes int) *Manifest {
	sum := sha256.Sum256(data)
	return &Manifest{Format: Format, Version: Version, Name: "sealed", Config: jsontext.Value("{}"), Shards: []Shard{{
		File: "a" + ShardSuffix, Bytes: len(data), SHA256: hex.EncodeToString(sum[:]), RawBytes: rawBytes,
	}}}
}

// decodeCase is a shard that violates the format.
type decodeCase struct {
	name, want string
	raw        []byte
}

func decodeCases() []decodeCase {
	tensor := func(name, dtype string, shape string, begin, end int) string {
		return fmt.Sprintf(`%q:{"dtype":%q,"shape":%s,"data_offsets":[%d,%d]}`, name, dtype, shape, begin, end)
	}
	nanScale := withHeader("{"+tensor("a", "I8", "[1,4]", 0, 4)+","+tensor("a.scale", "F32", "[1]", 4, 8)+"}", 0)
	nanScale = append(nanScale, 0, 0, 0, 0, 0, 0, 0xc0, 0x7f)
	return []decodeCase{
		{"no safetensors", "must be at least 8 bytes (got 3)", []byte("abc")},
		{"foreign type", `tensor "a": type must be F32, F16, I8 or I4 (got "F64")`, withHeader("{"+tensor("a", "F64", "[1]", 0, 8)+"}", 8)},
		{"empty axis", "axis 0 of shape [0] must be at least 1 (got 0)", withHeader("{"+tensor("a", "F32", "[0]", 0, 0)+"}", 0)},
		{"codes without scales", `tensor "a": 0 scales for I8 of shape [1 4], which has 1`, withHeader("{"+tensor("a", "I8", "[1,4]", 0, 4)+"}", 4)},
		{"few scales", "1 scales for I8 of shape [2 2], which has 2", withHeader("{"+tensor("a", "I8", "[2,2]", 0, 4)+","+tensor("a.scale", "F32", "[1]", 4, 8)+"}", 8)},
		{"half scales", `tensor "a.scale": F16 of shape [2] must be F32 of 1 axes as the scale of "a"`, withHeader("{"+tensor("a", "I8", "[2,2]", 0, 4)+","+tensor("a.scale", "F16", "[2]", 4, 8)+"}", 8)},
		{"matrix of scales", `tensor "a.scale": F32 of shape [2 1] must be F32 of 1 axes as the scale of "a"`, withHeader("{"+tensor("a", "I8", "[2,2]", 0, 4)+","+tensor("a.scale", "F32", "[2,1]", 4, 12)+"}", 12)},
		{"codes as scales", `tensor "a.scale": I8 of shape [1 1] must be F32 of 1 axes as the scale of "a"`, withHeader("{"+tensor("a", "I8", "[1,4]", 0, 4)+","+tensor("a.scale", "I8", "[1,1]", 4, 5)+"}", 5)},
		{"vector codes", "must have two or more axes", withHeader("{"+tensor("a", "I8", "[1]", 0, 1)+","+tensor("a.scale", "F32", "[1]", 1, 5)+"}", 5)},
		{"NaN scale", "scale of row 0 must be in [0, 2.6793884e+36] (got NaN)", nanScale},
		{"int4 by name", `unknown type "I4"`, withHeader("{"+tensor("a", "I4", "[2,2]", 0, 2)+"}", 2)},
		{"bytes without scales", `tensor "a": type must be F32, F16, I8 or I4 (got "U8")`, withHeader("{"+tensor("a", "U8", "[1,4]", 0, 4)+"}", 4)},
		{"int4, wide scales", `tensor "a.scale": F32 of shape [2 1] must be F16 of 2 axes`, withHeader("{"+tensor("a", "U8", "[1,4]", 0, 4)+","+tensor("a.scale", "F32", "[2,1]", 4, 12)+"}", 12)},
		{"int4, many rows", `has 4 bytes, shape [3 4] of I4 needs 8`, withHeader("{"+tensor("a", "U8", "[1,4]", 0, 4)+","+tensor("a.scale", "F16", "[3,1]", 4, 10)+"}", 10)},
		{"int4, many groups", "4 scales for I4 of shape [2 4], which has 2", withHeader("{"+tensor("a", "U8", "[1,4]", 0, 4)+","+tensor("a.scale", "F16", "[2,2]", 4, 12)+"}", 12)},
		{"int4, vector", `I4 of shape [2] must have two or more axes`, withHeader("{"+tensor("a", "U8", "[1]", 0, 1)+","+tensor("a.scale", "F16", "[2,1]", 1, 5)+"}", 5)},
		{"int4, no rows", "axis 0 of shape [0 4] must be at least 1 (got 0)", withHeader("{"+tensor("a", "U8", "[0,4]", 0, 0)+","+tensor("a.scale", "F16", "[0,1]", 0, 0)+"}", 0)},
		{"int4, negative scale", "scale of group 0 must be a float16 in [0, 65504] (got -0.0078125)", append(withHeader("{"+tensor("a", "U8", "[1,1]", 0, 1)+","+tensor("a.scale", "F16", "[1,1]", 1, 3)+"}", 1), 0, 0xa0)},
		{"int4, infinite scale", "scale of group 0 must be a float16 in [0, 65504] (got +Inf)", append(withHeader("{"+tensor("a", "U8", "[1,1]", 0, 1)+","+tensor("a.scale", "F16", "[1,1]", 1, 3)+"}", 1), 0, 0x7c)},
		{"parts of two types", `tensor "a.rows.1": is F16 of shape [1], which cannot follow rows of F32 and shape [1]`, withHeader("{"+tensor("a.rows.0", "F32", "[1]", 0, 4)+","+tensor("a.rows.1", "F16", "[1]", 4, 6)+"}", 6)},
		{"parts of two shapes", `is F32 of shape [1 1], which cannot follow rows of F32 and shape [1]`, withHeader("{"+tensor("a.rows.0", "F32", "[1]", 0, 4)+","+tensor("a.rows.1", "F32", "[1,1]", 4, 8)+"}", 8)},
		{"part without rows", `tensor "a.rows.0": is F32 of shape [], which`, withHeader("{"+tensor("a.rows.0", "F32", "[]", 0, 4)+"}", 4)},
		{"parts and the whole", `tensor "a" is in an earlier shard too`, withHeader("{"+tensor("a", "F32", "[1]", 0, 4)+","+tensor("a.rows.0", "F32", "[1]", 4, 8)+"}", 8)},
		{"odd int4 parts", `is I4 of shape [1 1], which cannot follow rows of I4 and shape [1 1]`, withHeader("{"+tensor("a.rows.0", "U8", "[1,1]", 0, 1)+","+tensor("a.rows.0.scale", "F16", "[1,1]", 1, 3)+","+tensor("a.rows.1", "U8", "[1,1]", 3, 4)+","+tensor("a.rows.1.scale", "F16", "[1,1]", 4, 6)+"}", 6)},
		{"one plane", "must have 2 on the first axis (got shape [1 4])", withHeader("{"+tensor("a.planes", "U8", "[1,4]", 0, 4)+"}", 4)},
		{"planes twice", `tensor "a" occurs twice`, withHeader("{"+tensor("a", "F16", "[1]", 0, 2)+","+tensor("a.planes", "U8", "[2,1]", 2, 4)+"}", 4)},
		{"planes of nothing", "axis 0 of shape [0] must be at least 1 (got 0)", withHeader("{"+tensor("a.planes", "U8", "[2,0]", 0, 0)+"}", 0)},
		{"infinite planes", `number 0 of 1 is NaN or infinite (bits 0x7c00)`, append(withHeader("{"+tensor("a.planes", "U8", "[2,1]", 0, 2)+"}", 1), 0x7c)},
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range decodeCases() {
		t.Run(tt.name, func(t *testing.T) {
			data, err := compress(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			_, err = sealed(data, len(tt.raw)).Decode([][]byte{data})
			corrupt(t, err, tt.want)
		})
	}
}

// compress returns raw as one zstd frame.
func compress(raw []byte) ([]byte, error) {
	e, err := zstd.NewWriter(nil)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return e.EncodeAll(raw, nil), nil
}

func TestDecodeRefusesShards(t *testing.T) {
	manifest, shards := golden(t)
	m, err := ParseManifest(manifest)
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Decode(shards[:1])
	corrupt(t, err, "got 1 of 2 shards")
	_, err = m.Decode([][]byte{shards[1], shards[0]})
	corrupt(t, err, `shard "golden.000.safetensors.zst": must be 151 bytes (got 99)`)
	_, err = m.Decode([][]byte{shards[0], nil})
	corrupt(t, err, `shard "golden.001.safetensors.zst": must be 99 bytes (got 0)`)
	twice := *m
	twice.Shards = []Shard{m.Shards[0], m.Shards[0]}
	_, err = twice.Decode([][]byte{shards[0], shards[0]})
	corrupt(t, err, `tensor "conv.bias" is in an earlier shard too`)
}

// TestDecodeBomb: no more is decompressed than the raw size that the manifest gives.
func TestDecodeBomb(t *testing.T) {
	small, err := compress(make([]byte, 1000))
	if err != nil {
		t.Fatal(err)
	}
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bomb := e.EncodeAll(make([]byte, 1<<28), nil) // 256 MiB in about 10 KB
	streamed := &strings.Builder{}                // the same without a content size in its header
	e.Reset(streamed)
	e.Write(make([]byte, 1<<28))
	e.Close()
	for _, tt := range []struct {
		name     string
		data     []byte
		rawBytes int
	}{
		{"size larger", small, 1001},
		{"size smaller", small, 999},
		{"size nothing", small, 0},
		{"bomb", bomb, MaxShard},
		{"bomb without size", []byte(streamed.String()), MaxShard},
		{"bytes after", append(small[:len(small):len(small)], 1, 2, 3), 1000},
		{"frame after", append(small[:len(small):len(small)], small...), 1000},
		{"no zstd", []byte("not zstd at all"), 15},
		{"nothing", nil, 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := sealed(tt.data, tt.rawBytes).Decode([][]byte{tt.data})
			corrupt(t, err, `shard "a.safetensors.zst": zstd`)
		})
	}
}
