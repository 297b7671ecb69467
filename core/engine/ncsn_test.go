package engine

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
)

// ncsn is a small network of Song & Ermon 2019, at its own levels.
const ncsn = `{"arch": "ncsn", "ncsn": {"image_size": 8, "channels": 1, "ngf": 16, "num_classes": 4}, "prediction": "scaled_score",
	"unit_pixels": true, "process": {"kind": "smld", "sigma_min": 0.01, "sigma_max": 1, "levels": 4}, "sigma_min": 0.01, "sigma_max": 1,
	"shape": [1, 8, 8], "defaults": {"sampler": "annealed-langevin", "steps": 4, "guidance": 1, "schedule": "exponential", "corrector_steps": 6}}`

// A model's own levels, and the Langevin steps at each, are what a request gets that
// names no others; another sampler gets its own steps, at those levels.
func TestDefaultsOfNCSN(t *testing.T) {
	e := openStarted(t, ncsn)
	p, err := e.Check(Request{}, false)
	if err != nil {
		t.Fatal(err)
	}
	if p.Sampler != "annealed-langevin" || p.Kind != "exponential" || p.CorrectorSteps != 6 || p.NFE != 4*6+1 || p.Walk != 4 {
		t.Errorf("the plan is %+v, need 6 annealed Langevin steps at 4 exponential levels", p)
	}
	for i, want := range []float64{2, 2 * 0.2154434690, 2 * 0.0464158883, 0.02, 0} {
		if !(math.Abs(float64(p.sigmas[i])-want) <= 1e-6*want) {
			t.Errorf("level %d is %g, need %g", i, p.sigmas[i], want)
		}
	}
	r := Request{}
	r.CorrectorSteps = 100
	if p, err = e.Check(r, true); err != nil || p.NFE != 401 || p.Walk != 401 {
		t.Errorf("%v: %d evaluations, %d steps to be seen, need 401 of both", err, p.NFE, p.Walk)
	}
	if p, err = e.Check(Request{Sampler: "pc"}, false); err != nil || p.CorrectorSteps != 0 || p.Kind != "exponential" {
		t.Errorf("%v: %d corrector steps, levels %q: need the sampler's own and the model's", err, p.CorrectorSteps, p.Kind)
	}
	if _, err := e.Check(Request{Guidance: new(2.0)}, false); err == nil {
		t.Error("guidance was accepted without classes")
	}
}

// TestGoldenNCSN holds sampling, inpainting and a raw evaluation of that network to
// testdata/ncsn.txt, natively, with vectors and without, and in wasm.
func TestGoldenNCSN(t *testing.T) {
	e := openStarted(t, ncsn)
	got := fmt.Sprintf("sample %s\n", mustSample(t, e, Request{N: new(3), Seed: 7}).SHA256())
	r := Request{N: new(2), Seed: 8}
	image, mask := make([]uint8, 64), make([]uint8, 64)
	for i := range image {
		image[i] = uint8(i * 37)
		if i%8 >= 4 {
			mask[i] = 255
		}
	}
	painted, err := e.Inpaint(t.Context(), r, Picture{8, 8, 1, image}, Picture{8, 8, 1, mask}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range painted.Pixels {
		if mask[i%64] == 0 && v != image[i%64] {
			t.Fatalf("known pixel %d became %d, was %d", i, v, image[i%64])
		}
	}
	got += fmt.Sprintf("inpaint %s\n", painted.SHA256())
	x := make([]float32, 2*64)
	for i := range x {
		x[i] = float32(i%17) / 16
	}
	y, err := e.Forward(t.Context(), x, []float32{0, 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var bytes []byte
	for _, v := range y {
		bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
	}
	got += fmt.Sprintf("forward %s\n", Digest(bytes))
	const path = "testdata/ncsn.txt"
	golden(t, path, got)
}
