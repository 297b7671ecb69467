package engine

import (
	"fmt"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/modeltest"
	"tweedie/core/nn"
	"tweedie/core/tensor"
)

// small is a classifier for the pictures of ncsn and of no other model's classes.
const small = `{"arch": "classifier", "prediction": "class", "sigma_data": 0.5, "time_scale": 100, "sigma_min": 0.01, "sigma_max": 40,
	"shape": [1, 8, 8], "classes": ["a", "b", "c"],
	"unet": {"sample_size": 8, "in_channels": 1, "out_channels": 3, "block_out_channels": [8, 16],
		"down_block_types": ["DownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "UpBlock2D"],
		"layers_per_block": 1, "norm_num_groups": 4, "norm_eps": 1e-5, "downsample_padding": 1, "patch": 2}}`

// startedModel returns a model of a configuration with the weights that training starts
// from, and at most 3/scale on each. The golden files of this package depend on them.
func startedModel(t *testing.T, config string, scale float32) *model.Model {
	t.Helper()
	c, err := model.ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	return modeltest.Filled(t, "small", c, func(params *graph.Params) {
		nn.Initialize(params, 1)
		for i := range params.Flat {
			params.Flat[i] += float32(i%7-3) / scale
		}
	})
}

// openClassified returns a score network without classes that the classifier can guide.
func openClassified(t *testing.T) *Engine {
	t.Helper()
	e := openStarted(t, ncsn)
	if err := e.SetClassifier(startedModel(t, small, 50)); err != nil {
		t.Fatal(err)
	}
	return e
}

// bayes is the exact classifier of a gaussian's classes, of which the one of no class is
// taken for their sum: ∇ log p(y|x;σ) = (mean_y − mean)/(sd² + σ²).
type bayes struct{ *gaussian }

func (b bayes) Of(y []int) diffusion.ClassifierGradient {
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		out := tensor.New(x.Shape...)
		for i, k := range y {
			slope := (b.mean[k] - b.mean[len(b.mean)-1]) / float32(b.sd*b.sd+float64(sigma*sigma))
			row := out.Row(i)
			for j := range row {
				row[j] = slope
			}
		}
		return out, nil
	}
}

// A model that is told no class, guided by the exact classifier, draws what it draws of
// the class, byte for byte but for a rounding; with thresholds and in parts as well.
func TestClassifierGuidance(t *testing.T) {
	e := newTestEngine(1)
	e.classifier, e.info.classifier, e.info.FLOPs = bayes{newGaussian()}, &classifierInfo{e.info.Classes, 7}, 100
	for _, c := range []struct{ free, weight, same float64 }{{0, 1, 1}, {1, 0.5, 1.5}, {0.5, 2, 2.5}} {
		r := Request{N: new(6), Seed: 3, Guidance: &c.same, Threshold: static}
		want := mustSample(t, e, r)
		r.Guidance, r.Classifier = &c.free, c.weight
		got := mustSample(t, e, r)
		for i, v := range got.Pixels {
			if off := int(v) - int(want.Pixels[i]); off < -1 || off > 1 {
				t.Fatalf("%+v: byte %d is %d, want %d", c, i, v, want.Pixels[i])
			}
		}
		pairs := map[float64]float64{0: 1, 1: 1}[c.free]
		if pairs == 0 {
			pairs = 2
		}
		if plan := got.Plan; plan.Work != float64(plan.NFE)*(pairs+0.07) || e.info.Work(plan) != 100*plan.Work {
			t.Errorf("%+v: work is %g of %d evaluations", c, plan.Work, plan.NFE)
		}
	}
}

// A classifier's images do not depend on how a batch is cut, nor on the classes beside
// them; its classes are a model's that has none.
func TestClassifierOfAnotherModel(t *testing.T) {
	e := openClassified(t)
	r := Request{N: new(5), Seed: 2, Classifier: 30}
	want := mustSample(t, e, r)
	if fmt.Sprint(want.Class, want.Names) != "[0 1 2 0 1] [a b c]" {
		t.Errorf("classes are %v of %q", want.Class, want.Names)
	}
	size := len(want.Pixels) / 5
	for _, chunk := range []int{1, 2} {
		e.pacer.most, e.pacer.size = chunk, chunk
		r.N, r.First, r.Class = new(2), 3, Classes{"a", "1", "c"}
		if got := mustSample(t, e, r); string(got.Pixels) != string(want.Pixels[3*size:]) {
			t.Errorf("chunks of %d: other bytes", chunk)
		}
	}
	r.Classifier, r.Class = 0, nil
	if got := mustSample(t, e, r); string(got.Pixels) == string(want.Pixels[3*size:]) || got.Class[0] != -1 {
		t.Errorf("without guidance the images are the same, or of class %v", got.Class)
	}
}

func TestClassifyRefuses(t *testing.T) {
	for _, c := range []struct {
		config, classifier, want string
	}{
		{ncsn, wide, `engine: classifier: arch must be "classifier" (got "unet2d")`},
		{wide, small, "engine: classifier: the shape of images must be the model's, [1 16 16] (got [1 8 8])"},
		{ncsn, strings.Replace(small, `"sigma_max": 40`, `"sigma_max": 1`, 1), "engine: classifier: noise levels must cover the model's, 0.02 to 2 (got 0.01 to 1)"},
	} {
		if err := openStarted(t, c.config).SetClassifier(startedModel(t, c.classifier, 50)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	e := openStarted(t, ncsn)
	e.info.Classes = []string{"a", "b"}
	if err := e.SetClassifier(startedModel(t, small, 50)); err == nil || !strings.Contains(err.Error(), `classes must be the model's, ["a" "b"] (got ["a" "b" "c"])`) {
		t.Errorf("other classes: got %v", err)
	}
	if _, err := Of(startedModel(t, small, 50), Options{}); err == nil || err.Error() != `engine: model: arch must be that of a model that generates images (got "classifier"): a classifier can only guide one` {
		t.Errorf("an engine of a classifier: got %v", err)
	}
}

func TestClassifierGuidanceErrors(t *testing.T) {
	with, without := openClassified(t), openStarted(t, ncsn)
	for _, c := range []struct {
		e        *Engine
		in, want string
	}{
		{without, `{"classifier_guidance":2}`, "classifier_guidance must be 0: no classifier is set for the model (got 2)"},
		{without, `{"class":1,"classifier_guidance":2}`, "classifier_guidance must be 0: no classifier is set for the model (got 2)"},
		{without, `{"classifier_guidance":-1}`, "classifier_guidance must be a number of at least 0 (got -1)"},
		{with, `{"class":["a","none"],"classifier_guidance":2}`, `class must be one of a, b or c with classifier_guidance above 0; guidance 0 lets the classifier alone follow it (got "none")`},
		{with, `{"class":"d","classifier_guidance":2}`, `class must be one of a, b or c (got "d")`},
		{with, `{"class":"a"}`, `class must be none, or left out: the model has no classes (got "a")`},
		{with, `{"guidance_rescale":0.5,"classifier_guidance":2}`, ""},
	} {
		r, err := ParseRequest([]byte(c.in))
		if err == nil {
			_, err = c.e.Check(r, false)
		}
		if got := fmt.Sprint(err); got != c.want && !(err == nil && c.want == "") {
			t.Errorf("%s:\ngot  %s\nwant %s", c.in, got, c.want)
		}
	}
}

// TestGoldenClassified holds images that a classifier guides to testdata/classified.txt,
// natively, with vectors and without, and in wasm.
func TestGoldenClassified(t *testing.T) {
	e, got := openClassified(t), ""
	for _, request := range []string{
		`{"classifier_guidance":1}`,
		`{"classifier_guidance":30,"class":"b"}`,
		`{"classifier_guidance":300,"guidance_sigma_min":0.05,"guidance_rescale":0.7,"threshold":"static","sampler":"dpmpp2m"}`,
	} {
		got += fmt.Sprintf("%s %s\n", request, drawn(t, e, request))
	}
	golden(t, "testdata/classified.txt", got)
}
