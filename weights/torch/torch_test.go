package torch

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tweedie/weights"
	"tweedie/weights/lazytensor"
)

// expected is what PyTorch reads of a tensor: type, shape, and numbers as text. Of complex
// numbers the two parts follow each other.
type expected struct {
	dtype   weights.DType
	shape   []int
	numbers []string
}

func (e *expected) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&e.dtype, &e.shape, &e.numbers})
}

func wanted(t testing.TB) map[string]map[string]expected {
	t.Helper()
	data, err := os.ReadFile("testdata/want.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]map[string]expected
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	return want
}

// TestOpen compares with PyTorch: all types, views of shared storage, strides that are not
// dense, tensors of other devices, and both containers.
func TestOpen(t *testing.T) {
	for name, tensors := range wanted(t) {
		t.Run(name, func(t *testing.T) {
			f, err := Open(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if legacy := strings.HasPrefix(name, "legacy"); legacy != (f.Container == Legacy) {
				t.Errorf("container is %q", f.Container)
			}
			if len(f.Tensors) != len(tensors) {
				t.Errorf("%d tensors, want %d", len(f.Tensors), len(tensors))
			}
			for i := range f.Tensors {
				compare(t, &f.Tensors[i], tensors[f.Tensors[i].Name])
			}
		})
	}
}

func compare(t *testing.T, got *lazytensor.Tensor, want expected) {
	t.Helper()
	if got.DType != want.dtype || !slices.Equal(got.Shape, want.shape) {
		t.Errorf("%s: got %s %v, want %s %v", got.Name, got.DType, got.Shape, want.dtype, want.shape)
		return
	}
	var numbers []float64
	if got.DType == "C64" {
		d, err := got.Dense()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range d.Data().([]complex64) {
			numbers = append(numbers, float64(real(v)), float64(imag(v)))
		}
	} else {
		v, err := got.Float32()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range v {
			numbers = append(numbers, float64(v))
		}
	}
	if len(numbers) != len(want.numbers) {
		t.Fatalf("%s: got %d numbers, want %d", got.Name, len(numbers), len(want.numbers))
	}
	for i, text := range want.numbers {
		w, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		if v := numbers[i]; v != w && !(math.IsNaN(v) && math.IsNaN(w)) {
			t.Errorf("%s: number %d is %g, want %g", got.Name, i, v, w)
		}
	}
}

func TestValues(t *testing.T) {
	f, err := Open("testdata/nested.pt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := map[string]any{"ema.decay": 0.999, "ema.num_updates": int64(12), "pair.1": "text", "step": int64(1000), "flag": true, "size.0": int64(1)}
	for _, v := range f.Values {
		if w, ok := want[v.Name]; ok && w != v.Value {
			t.Errorf("%s: got %v, want %v", v.Name, v.Value, w)
		}
		delete(want, v.Name)
	}
	if len(want) > 0 {
		t.Errorf("values %v are missing", want)
	}
}

// TestRefusesGlobals: errors name the unsupported globals of a file, which are not executed.
func TestRefusesGlobals(t *testing.T) {
	const trace = "/tmp/tweedie-was-here"
	os.Remove(trace)
	for name, global := range map[string]string{
		"refuse-system": "posix.system", "refuse-legacy-system": "posix.system",
		"refuse-module": "torch.nn.modules.linear.Linear", "refuse-numpy": "numpy.core.multiarray._reconstruct",
	} {
		_, err := Open(filepath.Join("testdata", name+".pt"))
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), strconv.Quote(global)) {
			t.Errorf("%s: got error %v, want one that names %q", name, err, global)
		}
	}
	if _, err := os.Stat(trace); err == nil {
		t.Error("a pickle was executed")
	}
}

// Objects that are not tensors are set aside, and the tensors are read. plain.pkl is a state
// dict that pickle.dump wrote: its storages are files in the pickle.
func TestObjectsAreSetAside(t *testing.T) {
	for name, want := range map[string]struct {
		tensor string
		aside  []string
	}{
		"aside-bytes.pt":        {"state_dict.a", []string{"_codecs.encode"}},
		"aside-complex.pt":      {"state_dict.a", []string{"__builtin__.complex"}},
		"aside-numpy-scalar.pt": {"state_dict.a", []string{"_codecs.encode", "numpy.core.multiarray.scalar", "numpy.dtype"}},
		"aside-namespace.pt":    {"x", []string{"argparse.Namespace"}},
		"plain.pkl":             {"a", nil},
	} {
		f, err := Open(filepath.Join("testdata", name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		defer f.Close()
		if len(f.Tensors) != 1 || f.Tensors[0].Name != want.tensor || !slices.Equal(f.Aside, want.aside) {
			t.Errorf("%s: got tensors %v and aside %q, want %s and %q", name, f.Tensors, f.Aside, want.tensor, want.aside)
			continue
		}
		v, err := f.Tensors[0].Float32()
		ones := slices.Repeat([]float32{1}, len(v))
		if err != nil || len(v) == 0 || !slices.Equal(v, ones) {
			t.Errorf("%s: got numbers %v, %v, want ones", name, v, err)
		}
	}
}

// A global that runs commands refuses the file, in whatever module Python finds it; one that
// makes a plain value does not.
func TestRefusedGlobals(t *testing.T) {
	for _, g := range []global{{"os", "system"}, {"posix", "system"}, {"subprocess", "Popen"}, {"builtins", "eval"}, {"__builtin__", "getattr"}, {"importlib._bootstrap", "_gcd_import"}, {"operator", "attrgetter"}} {
		if !g.refused() {
			t.Errorf("%v is not refused", g)
		}
	}
	for _, g := range []global{{"builtins", "set"}, {"datetime", "datetime"}, {"pathlib", "PosixPath"}, {"omegaconf.dictconfig", "DictConfig"}, {"my.module", "Config"}, {"numpy", "dtype"}} {
		if g.refused() {
			t.Errorf("%v is refused", g)
		}
	}
}
