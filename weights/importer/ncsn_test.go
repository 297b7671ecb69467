package importer

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tweedie/core/unet"
	"tweedie/weights"
)

// named returns a network's tensors below a root, without those of the given names.
func named(state []weights.Tensor, root string, without ...string) []weights.Tensor {
	out := slices.DeleteFunc(slices.Clone(state), func(t weights.Tensor) bool { return slices.Contains(without, t.Name) })
	for i := range out {
		out[i].Name = root + out[i].Name
	}
	return out
}

// save writes tensors to a new file and returns its path.
func save(t *testing.T, tensors []weights.Tensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "net.safetensors")
	if err := os.WriteFile(path, encode(t, tensors), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNCSNv2List reads the list that the authors' code saves, [model, optimizer, epoch, step,
// average]: it uses the average, with the noise levels of the model, which the average lacks.
func TestNCSNv2List(t *testing.T) {
	c := readCase(t, "ncsnv2")
	tensors := append(copyOf(named(c.state, "", "sigmas"), "0.module.", 9), named(c.state, "4.", "sigmas")...)
	sigmas := named(c.state[slices.IndexFunc(c.state, func(t weights.Tensor) bool { return t.Name == "sigmas" }):][:1], "0.module.")
	tensors = append(tensors, sigmas...)
	tensors = append(tensors, weights.Tensor{Name: "1.state.0.exp_avg", DType: weights.F32, Shape: []int{1}, Data: make([]byte, 4)})
	ck, err := Read(save(t, tensors), Options{Hints: Hints{Size: unet.Square(12)}})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	if text := strings.Join(ck.Found, "\n"); !strings.Contains(text, `"4" contains an average of the weights, which is used`) || !strings.Contains(text, "the 7 noise levels range from 3 to 0.02") {
		t.Errorf("found %q", text)
	}
	c.compare(t, ck.Model)
}

// TestTechnique4 compares with ε/σ_L² of the authors' configurations: 6.2e-6 for CIFAR-10 and
// 3.3e-6 for CelebA, with σ_L = 0.01 and five steps per level.
func TestTechnique4(t *testing.T) {
	for _, tt := range []struct {
		high float64
		n    int
		want float64
	}{{50, 232, 6.2e-6}, {90, 500, 3.3e-6}} {
		d := levels{low: 0.01, high: tt.high, count: tt.n}.annealed()
		if got := d.Epsilon / 8; !(math.Abs(got/tt.want-1) < 0.03) || d.CorrectorSteps != 5 || d.Steps != tt.n {
			t.Errorf("%d levels from %g: got %g in %d steps, want %g in 5", tt.n, tt.high, got, d.CorrectorSteps, tt.want)
		}
	}
}

func TestNCSNv2Refuses(t *testing.T) {
	state := readCase(t, "ncsnv2").state
	uniform := slices.Clone(state)
	for i := range uniform {
		if uniform[i].Name == "sigmas" {
			uniform[i].Data = bytesOf([]float32{7, 6, 5, 4, 3, 2, 1})
		}
	}
	for _, tt := range []struct {
		name, want string
		tensors    []weights.Tensor
		size       unet.Size
	}{
		{"no size", "--size", state, unet.Size{}},
		{"odd size", "--size must be a multiple of 2, the factor of its downsampling (got 11)", state, unet.Square(11)},
		{"no levels", "the file has no sigmas", named(state, "", "sigmas"), unet.Square(12)},
		{"linear levels", "sigmas[1] must be a descending geometric sequence from 7 to 1 (got 6)", uniform, unet.Square(12)},
		{"a convolution missing", `missing: "refine2.crp.convs.1.weight" [6 6 3 3]`, named(state, "", "refine2.crp.convs.1.weight"), unet.Square(12)},
		{"a norm missing", `missing: "res3.1.normalize2.alpha" [6]`, named(state, "", "res3.1.normalize2.alpha"), unet.Square(12)},
		{"a cascade missing", "must have as many cascades as refine blocks", slices.DeleteFunc(slices.Clone(state), func(t weights.Tensor) bool { return strings.HasPrefix(t.Name, "res4.") }), unet.Square(12)},
	} {
		if _, err := Read(save(t, tt.tensors), Options{Hints: Hints{Size: tt.size}}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// TestScoreSDESigmas: the noise levels of NCSN++ are read from the file; those for larger
// pictures are higher.
func TestScoreSDESigmas(t *testing.T) {
	state := readCase(t, "ncsnpp").state
	for i := range state {
		state[i].Name = "model.module." + state[i].Name
	}
	var sigmas []float32
	for i := range 20 {
		sigmas = append(sigmas, float32(348*math.Pow(0.01/348, float64(i)/19)))
	}
	state = append(state, weights.Tensor{Name: "model.module.sigmas", DType: weights.F32, Shape: []int{20}, Data: bytesOf(sigmas)})
	ck, err := Read(save(t, state), Options{Hints: Hints{Size: unet.Square(8)}})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	if c := ck.Model.Config(); !(math.Abs(c.SigmaMax-696) < 1e-3) || !(math.Abs(c.SigmaMin-0.02) < 1e-6) || c.Process.SigmaMax != c.SigmaMax {
		t.Errorf("noise levels are %g to %g, want 0.02 to 696", c.SigmaMin, c.SigmaMax)
	}
}

// TestScoreSDEProcess: the option selects the process of a network that may have been trained
// with several.
func TestScoreSDEProcess(t *testing.T) {
	sigmas := weights.Tensor{Name: "sigmas", DType: weights.F32, Shape: []int{3}, Data: bytesOf([]float32{50, 0.70710678, 0.01})}
	for _, tt := range []struct{ name, process, want string }{
		{"ddpmpp", "", "vp"}, {"ddpmpp", "vp", "vp"}, {"ddpmpp", "sub-vp", "sub-vp"}, {"ncsnppvp", "smld", "smld"}, {"ncsnpp", "ve", "ve"},
		{"ddpmpp", "ve", `--process must be "vp", "sub-vp" or "smld" (got "ve")`}, {"ncsnpp", "vp", `--process must be "ve" (got "vp")`}, {"ddpm", "vp", `--process is "vp", but the scheduler or the family`},
	} {
		state := readCase(t, tt.name).state
		if tt.name != "ddpm" {
			state = append(state, sigmas)
		}
		ck, err := Read(save(t, state), Options{Hints: Hints{Size: unet.Square(8), Process: tt.process}})
		if err != nil {
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s as %q: got error %v, want %q", tt.name, tt.process, err, tt.want)
			}
			continue
		}
		defer ck.Close()
		c := ck.Model.Config()
		if c.Process.Kind != tt.want || tt.want == "smld" && (c.Process.LevelCount() != 3 || !(math.Abs(c.SigmaMax-100) < 1e-3)) {
			t.Errorf("%s as %q: got %+v, σ to %g", tt.name, tt.process, c.Process, c.SigmaMax)
		}
	}
}
