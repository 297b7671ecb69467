package importer

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/tensor"
	"tweedie/core/unet"
	"tweedie/weights"
)

// fill returns reproducible numbers for a parameter, computed from its name and shape.
// testdata/make.py computes the same.
func fill(name string, shape []int) []float32 {
	seed := uint32(2166136261)
	for _, b := range []byte(name) {
		seed = (seed ^ uint32(b)) * 16777619
	}
	axes, fan := 0, 1
	for i, d := range shape {
		if d > 1 {
			axes++
		}
		if i > 0 {
			fan *= d
		}
	}
	out := make([]float32, tensor.Size(shape))
	for i := range out {
		x := uint32(i) + seed
		x = (x ^ x>>16) * 0x85ebca6b
		x = (x ^ x>>13) * 0xc2b2ae35
		u := float64(x^x>>16)/(1<<31) - 1
		switch {
		case axes > 1:
			u *= math.Sqrt(3 / float64(fan))
		case slices.Contains([]string{"weight", "g", "gamma", "alpha"}, name[strings.LastIndex(name, ".")+1:]):
			u = 1 + float64(0.2*u)
		default:
			u *= 0.2
		}
		out[i] = float32(u)
	}
	return out
}

// torchCase is a case that PyTorch computed: inputs, output, and the network's state.
type torchCase struct {
	values map[string]weights.Tensor
	state  []weights.Tensor
	config string // config.json of diffusers, "" for other families
}

func readCase(t testing.TB, name string) torchCase {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	tensors, metadata, err := weights.ParseSafetensors(data)
	if err != nil {
		t.Fatal(err)
	}
	c := torchCase{values: map[string]weights.Tensor{}, config: metadata["config"]}
	for _, v := range tensors {
		c.values[v.Name] = v
	}
	var parameters [][2]json.RawMessage
	if err := json.Unmarshal([]byte(metadata["parameters"]), &parameters); err != nil {
		t.Fatal(err)
	}
	for _, p := range parameters {
		v := weights.Tensor{DType: weights.F32}
		if json.Unmarshal(p[0], &v.Name) != nil || json.Unmarshal(p[1], &v.Shape) != nil {
			t.Fatalf("parameter %s", p)
		}
		if kept, ok := c.values["kept."+v.Name]; ok {
			v.Data = kept.Data
		} else {
			v.Data = bytesOf(fill(v.Name, v.Shape))
		}
		c.state = append(c.state, v)
	}
	return c
}

func bytesOf(numbers []float32) []byte {
	var out []byte
	for _, v := range numbers {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

func (c torchCase) numbers(t testing.TB, name string) *tensor.Tensor {
	t.Helper()
	v := c.values[name]
	numbers, err := v.Float32()
	if err != nil {
		t.Fatal(err)
	}
	return tensor.Of(numbers, v.Shape...)
}

// tolerance is the largest difference from PyTorch, relative to the largest output.
const tolerance = 1e-5

// parityCases are networks of other programs, with the hints that they need.
var parityCases = []struct {
	name, family string
	hints        Hints
}{
	{"ddpm", "ddpm", Hints{Size: unet.Square(8)}},
	{"guided", "guided-diffusion", Hints{Size: unet.Square(8), Heads: 4}},
	{"improved", "guided-diffusion", Hints{Size: unet.Square(8), Heads: 2, NewAttention: true}},
	{"learned", "guided-diffusion", Hints{Size: unet.Square(8), Heads: 2}},
	{"scoreddpm", "score-sde", Hints{Size: unet.Square(8)}},
	{"ddpmpp", "score-sde", Hints{Size: unet.Square(8)}},
	{"ncsnpp", "score-sde", Hints{Size: unet.Square(8)}},
	{"ncsnppvp", "score-sde", Hints{Size: unet.Square(8)}},
	{"ncsnppskips", "score-sde", Hints{Size: unet.Square(8)}},
	{"songskips", "edm", Hints{}},
	{"song", "edm", Hints{}},
	{"songncsnpp", "edm", Hints{}},
	{"lucid", "lucidrains", Hints{Size: unet.Square(8), Schedule: "cosine", Prediction: "v"}},
	{"lucid10", "lucidrains", Hints{Size: unet.Square(8), Schedule: "linear", Prediction: "epsilon"}},
	{"lucid16", "lucidrains", Hints{Size: unet.Square(8), Schedule: "cosine", Prediction: "epsilon"}},
	{"lucid18", "lucidrains", Hints{Size: unet.Square(8), Schedule: "cosine", Prediction: "v"}},
	{"dhariwal", "edm", Hints{HeadChannels: 8}},
	{"ncsnv2", "ncsnv2", Hints{Size: unet.Square(12)}},
	{"ncsnv2deeper", "ncsnv2", Hints{Size: unet.Square(12)}},
	{"ncsnv2deepest", "ncsnv2", Hints{Size: unet.Square(16)}},
	{"ncsndeeper", "ncsn", Hints{Size: unet.Square(12)}},
}

// TestParity reads a checkpoint of every family, recognized by its names alone, and compares
// the network's output with PyTorch's.
func TestParity(t *testing.T) {
	for _, tt := range parityCases {
		t.Run(tt.name, func(t *testing.T) {
			c := readCase(t, tt.name)
			path := filepath.Join(t.TempDir(), "net.safetensors")
			if err := os.WriteFile(path, encode(t, c.state), 0o644); err != nil {
				t.Fatal(err)
			}
			ck, err := Read(path, Options{Hints: tt.hints})
			if err != nil {
				t.Fatal(err)
			}
			defer ck.Close()
			if ck.Family != tt.family {
				t.Errorf("family is %q, want %q", ck.Family, tt.family)
			}
			c.compare(t, ck.Model)
		})
	}
}

// TestDiffusersParity is TestParity for variants that config.json specifies.
func TestDiffusersParity(t *testing.T) {
	exploding := `{"_class_name":"ScoreSdeVeScheduler","sigma_min":0.01,"sigma_max":1348}`
	for name, scheduler := range map[string]string{
		"unetskips": exploding, "unetfourier": exploding, "unetresnets": "", "unetlearned": `{"beta_schedule":"linear","num_train_timesteps":20}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := readCase(t, name)
			files := map[string][]byte{configName: []byte(c.config), weightsName: encode(t, c.state)}
			if scheduler != "" {
				files[schedulerName] = []byte(scheduler)
			}
			ck, err := Read(write(t, files), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer ck.Close()
			c.compare(t, ck.Model)
			config := ck.Model.Config()
			if want := name == "unetskips"; config.UnitPixels != want {
				t.Errorf("pixels of [0,1] are %v, want %v", config.UnitPixels, want)
			}
			if want := name == "unetlearned"; config.WholeSteps != want {
				t.Errorf("whole steps are %v, want %v", config.WholeSteps, want)
			}
		})
	}
}

// compare fails unless the model's output is that of PyTorch.
func (c torchCase) compare(t *testing.T, m *model.Model) {
	t.Helper()
	x, err := tensor.ToNHWC(c.numbers(t, "x"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.NewRunner(2, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Err(); err != nil {
		t.Fatal(err)
	}
	var y []int
	if _, ok := c.values["y"]; ok {
		for _, v := range c.numbers(t, "y").Data {
			y = append(y, int(v))
		}
	}
	out, err := r.Forward(x, c.numbers(t, "t").Data, y)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tensor.ToNCHW(out)
	if err != nil {
		t.Fatal(err)
	}
	near(t, got, c.numbers(t, "out"))
}

// near fails unless got is within tolerance of want.
func near(t *testing.T, got, want *tensor.Tensor) {
	t.Helper()
	if !slices.Equal(got.Shape, want.Shape) {
		t.Fatalf("got shape %v, want %v", got.Shape, want.Shape)
	}
	largest, worst := 0.0, 0.0
	for i, w := range want.Data {
		largest = max(largest, math.Abs(float64(w)))
		if d := math.Abs(float64(got.Data[i]) - float64(w)); !(d <= worst) {
			worst = d
		}
	}
	if !(worst <= tolerance*largest) {
		t.Errorf("the error is %.3g with outputs up to %.3g, want at most %g of them", worst, largest, tolerance)
	}
}
