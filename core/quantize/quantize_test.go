package quantize

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/modeltest"
	"tweedie/core/nn"
	"tweedie/core/rng"
	"tweedie/core/tensor"
	"tweedie/weights"
)

const config = `{
	"arch": "unet2d", "prediction": "edm", "sigma_data": 0.5, "sigma_min": 0.01, "sigma_max": 40,
	"shape": [3, 16, 16], "classes": ["low", "high"], "null_class": 2, "defaults": {"sampler": "dpmpp2m", "steps": 4, "guidance": 1},
	"unet": {
		"sample_size": 16, "in_channels": 3, "out_channels": 3, "block_out_channels": [16, 32],
		"down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
		"layers_per_block": 1, "norm_num_groups": 4, "norm_eps": 1e-5, "num_class_embeds": 3
	}
}`

// newModel returns a network in which all branches contribute.
func newModel(t *testing.T) *model.Model {
	t.Helper()
	return modeltest.New(t, "test", config, 1.0/30)
}

// pictures returns n smooth pictures of both classes and of none.
func pictures(n int) Images {
	im := Images{X: tensor.New(n, 16, 16, 3)}
	for i := range im.X.Data {
		im.X.Data[i] = float32(math.Sin(float64(i)/7 + float64(i/768)))
	}
	for i := range n {
		im.Class = append(im.Class, i%3-1)
	}
	return im
}

// TestTrace: evaluation operation by operation gives the same bits as a plan, and D is that of
// the model.
func TestTrace(t *testing.T) {
	m, im := newModel(t), pictures(3)
	s, err := newSearch(t.Context(), m, im, Options{})
	if err != nil {
		t.Fatal(err)
	}
	tr := newTrace(s.p, s.out, s.points.n, s.points.inputs)
	for i := range s.p.Nodes {
		if err := s.step(tr, i, nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(tr.values) != 1 {
		t.Errorf("%d values are kept at the end, want only the output", len(tr.values))
	}
	r, err := NewRunner(m, 1, infer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	size := tensor.Size(im.X.Shape[1:])
	for point := range s.points.n {
		level, n := point/im.Len(), point%im.Len()
		sigma, one := jitteredSigma(m.Config(), level, n), im.Part(n, n+1)
		x := one.X.AddScaled(sigma, tensor.Of(im.noise(level).Row(n), one.X.Shape...))
		want, err := r.Denoiser(one.Class, 1)(x, sigma)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range want.Data {
			k := point*size + i
			got := s.points.zero[k] + float32(s.points.out[point])*tr.values[s.out][k]
			if diff := math.Abs(float64(got - v)); !(diff <= 1e-5*(1+math.Abs(float64(v)))) {
				t.Fatalf("image %d near level %d: D[%d] is %g, want %g", n, level, i, got, v)
			}
		}
	}
}

// TestJitteredSigma: the noise levels of images cover the range around those of Sigmas without
// gaps.
func TestJitteredSigma(t *testing.T) {
	c := newModel(t).Config()
	var all []float64
	for i := range Levels {
		for n := range 50 {
			sigma := jitteredSigma(c, i, n)
			all = append(all, math.Log(float64(sigma)/c.SigmaMin))
		}
	}
	slices.Sort(all)
	whole := math.Log(c.SigmaMax / c.SigmaMin)
	if math.Abs(all[0]) > 1e-6 || math.Abs(all[len(all)-1]-whole) > 1e-6 {
		t.Errorf("levels reach from %g to %g, want 0 to %g", all[0], all[len(all)-1], whole)
	}
	for i := range all[1:] {
		if gap := (all[i+1] - all[i]) / whole; gap > 0.012 { // of 250, 50 of them at the ends
			t.Errorf("there is a gap of %.2g of the range", gap)
		}
	}
}

// TestInputs: the outputs of a layer are the products of the rows of inputs with its weights.
func TestInputs(t *testing.T) {
	s, err := newSearch(t.Context(), newModel(t), pictures(1), Options{})
	if err != nil {
		t.Fatal(err)
	}
	tr := newTrace(s.p, s.out, s.points.n, s.points.inputs)
	checked := 0
	for i, node := range s.p.Nodes {
		var in inputs
		var rows []float32
		k := s.layerAt(i)
		if k >= 0 && isLinear(node.Op) {
			in = s.layers[k].inputs(s.p, tr.values[node.In[0]], s.points.n)
			rows = in.columns(0, s.layers[k].cols)
		}
		if err := s.step(tr, i, nil); err != nil {
			t.Fatal(err)
		}
		l := s.loadedLayer(max(k, 0))
		if out := tr.values[node.Out]; in.count*l.rows == len(out) { // every position is there
			for i, v := range out {
				want := float64(s.numbers(l.bias)[i%l.rows])
				for j := range l.cols {
					want += float64(rows[i/l.rows*l.cols+j]) * float64(l.w[i%l.rows*l.cols+j])
				}
				if diff := math.Abs(float64(v) - want); !(diff <= 1e-4*(1+math.Abs(want))) {
					t.Fatalf("%s: output %d is %g, want %g", l.name, i, v, want)
				}
			}
			checked++
		}
	}
	if checked < 20 {
		t.Errorf("%d layers were checked, want most", checked)
	}
}

// open returns the model with the given tensors, and its size in bytes.
func open(t *testing.T, m *model.Model, tensors []weights.Tensor) (*model.Model, int) {
	t.Helper()
	manifest, err := m.Manifest(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, shards, err := weights.Encode("test", manifest, tensors)
	if err != nil {
		t.Fatal(err)
	}
	f, err := manifest.Decode(shards)
	if err != nil {
		t.Fatal(err)
	}
	out, err := model.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	return out, manifest.Bytes()
}

// psnr compares D on images that were not used for calibration.
func psnr(t *testing.T, m, stored *model.Model) [Levels]float64 {
	t.Helper()
	test := pictures(12).Part(8, 12)
	want, err := Denoise(m, test)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Denoise(stored, test)
	if err != nil {
		t.Fatal(err)
	}
	return got.PSNR(want)
}

// mixedOf returns the tensors of Mixed for the given kinds.
func mixedOf(t *testing.T, m *model.Model, im Images, budget float64, kinds ...weights.DType) []weights.Tensor {
	t.Helper()
	o := Options{Kinds: kinds, Budget: budget, Folder: t.TempDir()}
	stored, err := Mixed(t.Context(), m, im, o)
	if err != nil {
		t.Fatal(err)
	}
	return tensorsOf(t, stored)
}

// tensorsOf returns all tensors and closes stored.
func tensorsOf(t *testing.T, stored *Tensors) (tensors []weights.Tensor) {
	t.Helper()
	if err := stored.Each(func(v weights.Tensor) error { tensors = append(tensors, v); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := stored.Close(); err != nil {
		t.Fatal(err)
	}
	return tensors
}

// TestMixed: in the size of uniform storage, mixed storage is better by at least 3 dB at every
// noise level, uses only the allowed kinds, and gives the same bytes with one and with several
// threads.
func TestMixed(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	m := newModel(t)
	for _, tt := range []struct {
		plain weights.Storage
		kinds []weights.DType
	}{
		{weights.Storage{DType: weights.I4}, []weights.DType{weights.I8, weights.F16, weights.I4}},
		{weights.Storage{DType: weights.I8, Levels: 63}, []weights.DType{weights.I8, weights.F16}},
		{weights.Storage{DType: weights.I8, Levels: 63}, []weights.DType{weights.I8}},
	} {
		tensors, err := m.Tensors(tt.plain)
		if err != nil {
			t.Fatal(err)
		}
		alike, size := open(t, m, tensors)
		budget := float64(size) / float64(m.Parameters())
		var first []weights.Tensor
		for _, threads := range []int{1, 3} {
			before := runtime.GOMAXPROCS(threads)
			tensors = mixedOf(t, m, pictures(3), budget, tt.kinds...)
			runtime.GOMAXPROCS(before)
			if first == nil {
				first = tensors
			}
		}
		for i, v := range first {
			if !slices.Equal(v.Data, tensors[i].Data) || !slices.Equal(v.Scale, tensors[i].Scale) {
				t.Errorf("%v: %s: the bytes depend on the number of threads", tt.kinds, v.Name)
			}
			if len(v.Shape) > 1 && !slices.Contains(tt.kinds, v.DType) {
				t.Errorf("%v: %s is stored as %s", tt.kinds, v.Name, v.DType)
			}
		}
		mixed, bytes := open(t, m, tensors)
		if bytes > size || float64(bytes) < 0.97*float64(size) {
			t.Errorf("%v: got %d bytes with a budget of %d", tt.kinds, bytes, size)
		}
		plain, better := psnr(t, m, alike), psnr(t, m, mixed)
		for i := range plain {
			if !(better[i] >= plain[i]+3) {
				t.Errorf("%v: level %d: %.1f dB, %+v has %.1f", tt.kinds, i, better[i], tt.plain, plain[i])
			}
		}
		t.Logf("%v, %d bytes: %.1f dB; %+v, %d bytes: %.1f dB", tt.kinds, bytes, better, tt.plain, size, plain)
	}
}

// TestMixedFinest: with a large budget layers are float16, unless a weight exceeds its range.
func TestMixedFinest(t *testing.T) {
	m := newModel(t)
	for _, v := range mixedOf(t, m, pictures(2), 3, weights.I8, weights.F16) {
		if want := weights.F16; len(v.Shape) > 1 && v.DType != want {
			t.Errorf("%s is %s, want %s", v.Name, v.DType, want)
		}
	}
	l := &layer{shape: []int{2, 2}, rows: 2, cols: 2, w: []float32{1e5, 1, 2, 3}}
	options, err := l.options([]weights.DType{weights.F16, weights.I4}, 1)
	if err != nil || len(options) != 1 || options[0].dtype != weights.I4 {
		t.Errorf("got %+v, %v for a weight of 1e5, want I4 alone", options, err)
	}
}

// TestUniform: rounding with feedback is better than rounding to nearest by 1 dB at every noise
// level, with the same types, shapes and scales.
func TestUniform(t *testing.T) {
	m := newModel(t)
	for _, as := range []weights.Storage{{DType: weights.I8, Levels: 100}, {DType: weights.I4}} {
		tensors, err := m.Tensors(as)
		if err != nil {
			t.Fatal(err)
		}
		plain, size := open(t, m, tensors)
		stored, err := Uniform(t.Context(), m, pictures(3), as, Options{Folder: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		rounded := tensorsOf(t, stored)
		for i, v := range rounded {
			w := tensors[i]
			same := slices.Equal(v.Scale, w.Scale) || as.DType == weights.I4 // its scales go by the inputs too
			if v.Name != w.Name || v.DType != w.DType || !slices.Equal(v.Shape, w.Shape) || !same {
				t.Errorf("%+v: %s is %s of %v with other scales, want %s as plain", as, v.Name, v.DType, v.Shape, w.DType)
			}
		}
		better, bytes := open(t, m, rounded)
		if float64(bytes) > 1.02*float64(size) {
			t.Errorf("%+v: takes %d bytes, plain %d", as, bytes, size)
		}
		want, got := psnr(t, m, plain), psnr(t, m, better)
		for i := range got {
			if !(got[i] >= want[i]+1) {
				t.Errorf("%+v: level %d: %.1f dB, plain %.1f", as, i, got[i], want[i])
			}
		}
		t.Logf("%+v, %d bytes: %.1f dB; plain, %d bytes: %.1f dB", as, bytes, got, size, want)
	}
}

// ofProgram returns a model of 8×8 pixels whose network is p with the output out, its initial
// parameters, and images for it.
func ofProgram(t *testing.T, p *graph.Program, out graph.Value) (*model.Model, *graph.Params, Images) {
	t.Helper()
	listing, err := graph.Serialize(p, out)
	if err != nil {
		t.Fatal(err)
	}
	c := &model.Config{Arch: model.Program, Program: listing, Prediction: model.EDM, SigmaData: 0.5, SigmaMin: 0.01, SigmaMax: 10, Shape: [3]int{3, 8, 8}}
	params := graph.NewParams(p)
	nn.Initialize(params, 1)
	m, err := model.New("program", c, params)
	if err != nil {
		t.Fatal(err)
	}
	im := Images{X: tensor.New(4, 8, 8, 3)}
	rng.Normal(im.X.Data, 1, 1, 1)
	return m, params, im
}

// TestMixedOfPrograms: convolutions without biases, and weights shared by two operations, are
// supported.
func TestMixedOfPrograms(t *testing.T) {
	p := &graph.Program{}
	x, time := p.Input("x", 8, 8, 3), p.Input("t", 1)
	w := p.Param("w", graph.Init{Kind: graph.Uniform, Fan: 27}, 3, 3, 3, 3)
	in := p.Param("in", graph.Init{Kind: graph.Uniform, Fan: 1}, 3, 1)
	bias := p.Param("bias", graph.Init{Kind: graph.Uniform, Fan: 1}, 3)
	h := p.Apply(graph.Conv{Size: 3, Stride: 1, Before: 1, After: 1}, x, w)
	h = p.Apply(graph.AddChannels{}, p.Apply(graph.SiLU{}, h), p.Apply(graph.Linear{}, time, in, bias))
	out := p.Apply(graph.Conv{Size: 3, Stride: 1, Before: 1, After: 1}, h, w)
	m, _, im := ofProgram(t, p, out)
	tensors := mixedOf(t, m, im, 4, weights.I8)
	stored, _ := open(t, m, tensors)
	want, err := Denoise(m, im)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Denoise(stored, im)
	if err != nil {
		t.Fatal(err)
	}
	for i, db := range got.PSNR(want) {
		if !(db > 35) {
			t.Errorf("level %d: %.1f dB", i, db)
		}
	}
}

func TestMixedRefuses(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	m := newModel(t)
	if _, err := Mixed(t.Context(), m, pictures(1), Options{Kinds: []weights.DType{weights.I8, weights.F16}, Budget: 0.01}); err == nil || !strings.Contains(err.Error(), "choose a budget above 0.01") {
		t.Errorf("got error %v, want one about the budget", err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	stop(cause)
	if _, err := Mixed(ctx, m, pictures(1), Options{Kinds: []weights.DType{weights.I8}, Budget: 1}); !errors.Is(err, cause) {
		t.Errorf("got error %v, want the context's cause", err)
	}
}

// TestLevels8: the estimated size is accurate to a few percent.
func TestLevels8(t *testing.T) {
	m := newModel(t)
	for _, budget := range []float64{0.8, 0.95} {
		levels, err := Levels8(m, budget)
		if err != nil {
			t.Fatal(err)
		}
		tensors, err := m.Tensors(weights.Storage{DType: weights.I8, Levels: levels})
		if err != nil {
			t.Fatal(err)
		}
		_, size := open(t, m, tensors)
		if got := float64(size) / float64(m.Parameters()); !(math.Abs(got-budget) <= 0.03*budget) {
			t.Errorf("%d levels take %.3f bytes per parameter, want %g", levels, got, budget)
		}
	}
	if _, err := Levels8(m, 0.01); err == nil {
		t.Error("no error for a budget that is too small")
	}
}
