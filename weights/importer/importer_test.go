package importer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/model"
	"tweedie/weights"
)

// parity is a folder of networks that PyTorch saved, under diffusers' names.
const parity = "../../core/unet/testdata"

// parityCase returns the configuration and the tensors of a parity case, so that a test can
// change them.
func parityCase(t *testing.T, name string) (config []byte, tensors []weights.Tensor) {
	t.Helper()
	config, err := os.ReadFile(filepath.Join(parity, name, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(parity, name, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	tensors, _, err = weights.ParseSafetensors(data)
	if err != nil {
		t.Fatal(err)
	}
	return config, tensors
}

// write writes files to a new folder and returns it. Names may contain folders.
func write(t *testing.T, files map[string][]byte) string {
	t.Helper()
	folder := t.TempDir()
	for name, data := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func encode(t *testing.T, tensors []weights.Tensor) []byte {
	t.Helper()
	data, err := weights.EncodeSafetensors(tensors, map[string]string{"format": "pt"})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// same fails the test unless m has exactly the numbers of tensors.
func same(t *testing.T, m *model.Model, tensors []weights.Tensor) {
	t.Helper()
	defer func() {
		if err := m.Err(); err != nil {
			t.Error(err)
		}
	}()
	n := 0
	for _, tensor := range tensors {
		want, err := tensor.Float32()
		if err != nil {
			t.Fatal(err)
		}
		n += len(want)
		if got := m.Params().Named(tensor.Name); !slices.Equal(got, want) {
			t.Errorf("tensor %q differs", tensor.Name)
		}
	}
	if len(m.Params().Flat) != n {
		t.Errorf("got %d numbers, want %d", len(m.Params().Flat), n)
	}
}

func TestReadFolder(t *testing.T) {
	for _, name := range []string{"gray", "rgb"} {
		config, tensors := parityCase(t, name)
		ck, err := Read(write(t, map[string][]byte{configName: config, weightsName: encode(t, tensors)}), Options{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, ck.Model, tensors)
		c := ck.Model.Config()
		want := diffusion.Schedule{Kind: diffusion.Linear, Steps: 1000, BetaStart: 1e-4, BetaEnd: 0.02}
		if c.Prediction != model.Epsilon || !reflect.DeepEqual(*c.Schedule, want) {
			t.Errorf("%s: got prediction %q, schedule %+v, want Ho et al.'s", name, c.Prediction, c.Schedule)
		}
		if len(ck.Assumed) == 0 || !strings.Contains(ck.Assumed[0], "linear chain of 1000 steps, β from 0.0001 to 0.02") {
			t.Errorf("%s: got assumptions %q, want the chain among them", name, ck.Assumed)
		}
		if c.UNet.Conditional() != (len(c.Classes) > 0) || c.NullClass != nil {
			t.Errorf("%s: got classes %q, null class %v", name, c.Classes, c.NullClass)
		}
	}
}

// TestReadFile: a single file, saved by PyTorch, with config.json in its folder.
func TestReadFile(t *testing.T) {
	path := filepath.Join(parity, "gray", "model.safetensors")
	ck, err := Read(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, tensors := parityCase(t, "gray")
	same(t, ck.Model, tensors)
	if ck.Source != path || ck.Model.Name() != "model" {
		t.Errorf("got source %q, name %q", ck.Source, ck.Model.Name())
	}
	// A configuration named like the file is preferred to config.json.
	config, _ := parityCase(t, "gray")
	folder := write(t, map[string][]byte{"net.safetensors": encode(t, tensors), "net.json": config, configName: []byte("{")})
	if _, err := Read(filepath.Join(folder, "net.safetensors"), Options{}); err != nil {
		t.Error(err)
	}
}

// TestReadShards: diffusers splits large weights over several files and lists them in an index.
func TestReadShards(t *testing.T) {
	config, tensors := parityCase(t, "gray")
	index := `{"weight_map": {`
	for i, v := range tensors {
		index += fmt.Sprintf("%q: %q,", v.Name, []string{"a.safetensors", "b.safetensors"}[i*2/len(tensors)])
	}
	half := slices.IndexFunc(tensors, func(v weights.Tensor) bool {
		return strings.Contains(index, fmt.Sprintf(`%q: "b.safetensors"`, v.Name))
	})
	folder := write(t, map[string][]byte{
		configName: config, weightsName + indexSuffix: []byte(strings.TrimSuffix(index, ",") + "}}"),
		"a.safetensors": encode(t, tensors[:half]), "b.safetensors": encode(t, tensors[half:]),
	})
	ck, err := Read(folder, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	same(t, ck.Model, tensors)
}

// TestReadOldNames: parameters of attention are read by their names in diffusers before version
// 0.15.
func TestReadOldNames(t *testing.T) {
	config, tensors := parityCase(t, "rgb")
	old := slices.Clone(tensors)
	renamed := 0
	replace := strings.NewReplacer(".to_q.", ".query.", ".to_k.", ".key.", ".to_v.", ".value.", ".to_out.0.", ".proj_attn.")
	for i := range old {
		if name := replace.Replace(old[i].Name); name != old[i].Name {
			old[i].Name = name
			renamed++
		}
	}
	if renamed == 0 {
		t.Fatal("the case has no attention")
	}
	ck, err := Read(write(t, map[string][]byte{configName: config, weightsName: encode(t, old)}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, ck.Model, tensors)
}

func TestOldName(t *testing.T) {
	for name, want := range map[string]string{
		"mid_block.attentions.0.to_q.weight":       "mid_block.attentions.0.query.weight",
		"up_blocks.1.attentions.2.to_k.bias":       "up_blocks.1.attentions.2.key.bias",
		"down_blocks.1.attentions.0.to_out.0.bias": "down_blocks.1.attentions.0.proj_attn.bias",
		"down_blocks.1.resnets.0.conv1.weight":     "down_blocks.1.resnets.0.conv1.weight",
		"to_q.weight":                              "to_q.weight",
		"mid_block.attentions.0.group_norm.weight": "mid_block.attentions.0.group_norm.weight",
	} {
		if got := oldName(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// TestReadHalf: a checkpoint saved in half precision is read exactly.
func TestReadHalf(t *testing.T) {
	config, tensors := parityCase(t, "gray")
	for i := range tensors {
		data, err := tensors[i].Float32()
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			half, err := weights.Quantize(tensors[i].Name, tensors[i].Shape, data, weights.Storage{DType: weights.F16})
			if err != nil {
				t.Fatal(err)
			}
			tensors[i] = half
			continue
		}
		brain := weights.Tensor{Name: tensors[i].Name, Shape: tensors[i].Shape, DType: weights.BF16}
		for _, v := range data {
			brain.Data = binary.LittleEndian.AppendUint16(brain.Data, uint16(math.Float32bits(v)>>16))
		}
		tensors[i] = brain
	}
	ck, err := Read(write(t, map[string][]byte{configName: config, weightsName: encode(t, tensors)}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, ck.Model, tensors)
}

// everyName returns the quoted names of the gray network's parameters.
func everyName(t *testing.T) []string {
	_, tensors := parityCase(t, "gray")
	var out []string
	for _, v := range tensors {
		out = append(out, fmt.Sprintf("%q", v.Name))
	}
	return out
}

// TestList: names beyond the limit of an error are only counted.
func TestList(t *testing.T) {
	for n, want := range map[int]string{1: `^1 missing: "name 0"$`, 1000: `"name 999"$`, 10_000: `^10000 missing: .*; and \d+ more$`} {
		var entries []string
		for i := range n {
			entries = append(entries, fmt.Sprintf("%q", fmt.Sprint("name ", i)))
		}
		if text := list("missing", entries).Error(); !regexp.MustCompile(want).MatchString(text) || len(text) > maxListed+100 {
			t.Errorf("%d names in %d bytes, want %s: %.100s", n, len(text), want, text)
		}
	}
}

func TestReadRefusesTensors(t *testing.T) {
	const name = "mid_block.attentions.0.to_q.weight"
	for _, tt := range []struct {
		name   string
		change func([]weights.Tensor, int) []weights.Tensor
		want   []string
	}{
		{"missing", func(ts []weights.Tensor, i int) []weights.Tensor { return slices.Delete(ts, i, i+1) },
			[]string{`1 missing: "` + name + `" [16 16]`}},
		{"unexpected", func(ts []weights.Tensor, i int) []weights.Tensor {
			return append(ts, weights.Tensor{Name: "extra", DType: weights.F32, Shape: []int{1}, Data: make([]byte, 4)})
		}, []string{`1 unexpected: "extra" [1]`}},
		{"renamed", func(ts []weights.Tensor, i int) []weights.Tensor { ts[i].Name = "other"; return ts },
			[]string{`1 missing: "` + name + `"`, `1 unexpected: "other"`}},
		{"shape", func(ts []weights.Tensor, i int) []weights.Tensor { ts[i].Shape = []int{256}; return ts },
			[]string{`1 wrong shape: "` + name + `" must be [16 16] (got [256])`}},
		{"both names", func(ts []weights.Tensor, i int) []weights.Tensor {
			twin := ts[i]
			twin.Name = "mid_block.attentions.0.query.weight"
			return append(ts, twin)
		}, []string{`1 unexpected: "mid_block.attentions.0.query.weight"`}},
		{"nothing", func(ts []weights.Tensor, i int) []weights.Tensor { return nil },
			everyName(t)},
		{"NaN", func(ts []weights.Tensor, i int) []weights.Tensor {
			ts[i].Data = slices.Clone(ts[i].Data)
			binary.LittleEndian.PutUint32(ts[i].Data[8:], 0x7fc00000)
			return ts
		}, []string{`tensor "` + name + `": number 2 must be a finite number (got NaN)`}},
		{"integers", func(ts []weights.Tensor, i int) []weights.Tensor {
			ts[i].DType = "I32"
			return ts
		}, []string{`tensor "` + name + `" must contain floating-point numbers (got I32)`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config, tensors := parityCase(t, "gray")
			at := slices.IndexFunc(tensors, func(x weights.Tensor) bool { return x.Name == name })
			changed := tt.change(slices.Clone(tensors), at)
			ck, err := Read(write(t, map[string][]byte{configName: config, weightsName: encode(t, changed)}), Options{})
			if err == nil {
				ck.Model.Params()
				err = ck.Model.Err()
			}
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got error %v, want one with %q", err, want)
				}
			}
		})
	}
}

func TestReadRefusesFiles(t *testing.T) {
	config, tensors := parityCase(t, "gray")
	whole := encode(t, tensors)
	for _, tt := range []struct {
		name, open, want string
		files            map[string][]byte
	}{
		{"empty folder", "", "contains no weights: diffusion_pytorch_model.safetensors", nil},
		{"no weights", "", "contains no weights: diffusion_pytorch_model.safetensors", map[string][]byte{configName: config}},
		{"pickle", "", "must be a zip archive or start with PyTorch's magic number (got 1)", map[string][]byte{configName: config, "diffusion_pytorch_model.bin": []byte("\x80\x02K\x01.")}},
		{"pickle alone", "model.pth", "neither safetensors nor a file of torch.save", map[string][]byte{"model.pth": []byte("abc")}},
		{"other file", "model.onnx", "neither safetensors nor a file of torch.save", map[string][]byte{"model.onnx": []byte("abc")}},
		{"no config", "a.safetensors", "its folder lacks config.json", map[string][]byte{"a.safetensors": whole}},
		{"index", "", "has no weight_map", map[string][]byte{configName: config, weightsName + ".index.json": []byte("{}")}},
		{"two", "", "give the path of one of them", map[string][]byte{configName: config, "a.safetensors": whole, "b.safetensors": whole}},
		{"cut", "", "corrupt", map[string][]byte{configName: config, weightsName: whole[:len(whole)-1]}},
		{"no JSON", "", "unexpected end", map[string][]byte{configName: []byte("{"), weightsName: whole}},
		{"scheduler", "", `beta_schedule must be linear, scaled_linear, squaredcos_cap_v2 or sigmoid (got "steep")`, map[string][]byte{configName: config, weightsName: whole, schedulerName: []byte(`{"beta_schedule":"steep"}`)}},
		{"large config", "", "must be at most 1048576 bytes", map[string][]byte{configName: make([]byte, 1<<20+1), weightsName: whole}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(filepath.Join(write(t, tt.files), tt.open), Options{})
			if err == nil || !strings.HasPrefix(err.Error(), "importer: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
	if _, err := Read(filepath.Join(t.TempDir(), "absent"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got error %v, want os.ErrNotExist", err)
	}
}
