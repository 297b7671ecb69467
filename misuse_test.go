//go:build !js

package tweedie_test

import (
	"math"
	"testing"

	"tweedie"
	"tweedie/core/diffusion"
	"tweedie/core/edit"
	"tweedie/core/engine"
	"tweedie/core/infer"
	"tweedie/core/lab"
	"tweedie/core/likelihood"
	"tweedie/core/model"
	"tweedie/core/quantize"
	"tweedie/core/sampler"
	"tweedie/core/tensor"
	"tweedie/core/train"
	"tweedie/weights"
	"tweedie/weights/export"
	"tweedie/weights/importer"
)

// refuses fails unless every call returns an error. A call that panics ends the test.
func refuses(t *testing.T, calls []func() error) {
	t.Helper()
	for i, call := range calls {
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("call %d panics: %v", i, r)
				}
			}()
			if err := call(); err == nil {
				t.Errorf("call %d: got no error", i)
			}
		}()
	}
}

// nan is not a number; half is a denoiser; bad has fewer numbers than its shape.
var (
	nan  = math.NaN()
	half = func(x *tensor.Tensor, _ float32) (*tensor.Tensor, error) { return x.Scaled(0.5), nil }
	bad  = &tensor.Tensor{Shape: []int{2, 4, 4, 1}, Data: make([]float32, 3)}
)

func mustChain(t *testing.T) *diffusion.Chain {
	chain, err := diffusion.NewChain(diffusion.Schedule{Kind: "cosine", Steps: 10})
	if err != nil {
		t.Fatal(err)
	}
	return chain
}

// Wrong input to core/diffusion and core/sampler is an error, never a panic.
func TestMisuseDiffusion(t *testing.T) {
	chain := mustChain(t)
	x := tensor.New(1, 4, 4, 1)
	refuses(t, []func() error{
		func() error { _, err := diffusion.NewChain(diffusion.Schedule{}); return err },
		func() error { _, err := diffusion.NewChain(diffusion.Schedule{Kind: "linear", Steps: -5}); return err },
		func() error {
			_, err := diffusion.NewChain(diffusion.Schedule{Kind: "linear", Steps: 1 << 40})
			return err
		},
		func() error {
			_, err := diffusion.NewChain(diffusion.Schedule{Kind: "linear", Steps: 10, BetaStart: nan})
			return err
		},
		func() error { _, err := diffusion.NewChain(diffusion.Schedule{Kind: "table"}); return err },
		func() error {
			_, err := diffusion.NewChain(diffusion.Schedule{Kind: "table", Steps: 3, Betas: []float64{nan}})
			return err
		},
		func() error { _, err := diffusion.ChainAt([]float64{nan}); return err },
		func() error { _, err := diffusion.ChainAt([]float64{2, 1}); return err },
		func() error { _, err := diffusion.NewCategorical(nil, nil); return err },
		func() error { _, err := diffusion.NewCategorical([]float64{nan, 1}, []float64{0.1}); return err },
		func() error { _, err := diffusion.Guided(nil, nil, diffusion.Guidance{Scale: 2}); return err },
		func() error { _, err := diffusion.Guided(half, nil, diffusion.Guidance{Scale: 2}); return err },
		func() error {
			_, err := diffusion.ClassifierGuided(nil, nil, diffusion.Guidance{Scale: 1, Classifier: 2})
			return err
		},
		func() error { _, err := diffusion.Thresholded(nil, 0.9, 0); return err },
		func() error { _, err := diffusion.Thresholded(half, nan, nan); return err },
		func() error { _, err := diffusion.FitMonotone(nil, nil, 0, 0); return err },
		func() error { _, err := diffusion.FitMonotone([]float64{0, 1}, []float64{0}, 3, 3); return err },
		func() error { _, err := diffusion.FitMonotone([]float64{0, 1}, []float64{0, 1}, -3, 3); return err },
		func() error { var m diffusion.Monotone; return m.Validate() },
		func() error { var q diffusion.PosteriorVariance; return q.Validate() },
		func() error { _, err := diffusion.MeasurePosteriorVariance(nil, nil, nil, nil); return err },
		func() error { _, err := diffusion.MeasurePosteriorVariance(half, x, []float32{1}, nil); return err },
		func() error { _, err := diffusion.NewPredictor("", nil); return err },
		func() error {
			p, err := diffusion.NewPredictor(diffusion.PredictEpsilon, nil)
			if err != nil {
				return err
			}
			_, err = p.Coefficients(1)
			return err
		},
		func() error { return (&diffusion.Spec{}).Validate() },
		func() error { _, err := chain.Time(float32(nan)); return err },
		func() error { _, err := diffusion.Variational{}.Chain(0, 1, 2); return err },
		func() error { _, err := diffusion.Variational{}.Time(1); return err },
		func() error { _, err := sampler.Karras(0, 1, 2, 7); return err },
		func() error { _, err := sampler.Karras(5, nan, 2, 7); return err },
		func() error { _, err := sampler.Timesteps(nil, 5, sampler.Leading); return err },
		func() error { _, err := sampler.Timesteps(chain, 5, nil); return err },
		func() error { _, err := sampler.Optimised(5, 1, 2, nil); return err },
		func() error { _, err := sampler.Draw(sampler.Settings{}, nil, nil, 1, 2); return err },
		func() error {
			_, err := sampler.Draw(sampler.Settings{Method: "euler", Steps: 3}, half, sampler.NewNoise(1, 0, 1, 2), -1, float32(nan))
			return err
		},
	})
}

// Wrong input to core/likelihood, core/edit and core/lab is an error, never a panic.
func TestMisuseLikelihood(t *testing.T) {
	chain := mustChain(t)
	x := tensor.New(1, 4, 4, 1)
	product := likelihood.Differences(half)
	refuses(t, []func() error{
		func() error { _, err := likelihood.Bound(nil, nil, nil, likelihood.BoundSettings{}); return err },
		func() error { _, err := likelihood.Bound(half, nil, x, likelihood.BoundSettings{}); return err },
		func() error { _, err := likelihood.Bound(half, chain, bad, likelihood.BoundSettings{}); return err },
		func() error {
			_, err := likelihood.Bound(half, chain, tensor.New(3), likelihood.BoundSettings{})
			return err
		},
		func() error {
			_, err := likelihood.BoundTerm(half, chain, x, -1, likelihood.BoundSettings{})
			return err
		},
		func() error {
			_, err := likelihood.BoundTerm(half, chain, x, 99, likelihood.BoundSettings{})
			return err
		},
		func() error {
			_, err := likelihood.BoundTerm(func(x *tensor.Tensor, _ float32) (*tensor.Tensor, error) { return tensor.New(1), nil }, chain, x, 3, likelihood.BoundSettings{})
			return err
		},
		func() error { _, err := likelihood.LogDensity(nil, nil, likelihood.Settings{}); return err },
		func() error {
			_, err := likelihood.LogDensity(product, nil, likelihood.Settings{SigmaMin: 0.1, SigmaMax: 3, Steps: 2, Probes: 1})
			return err
		},
		func() error {
			_, err := likelihood.LogDensity(product, bad, likelihood.Settings{SigmaMin: 0.1, SigmaMax: 3, Steps: 2, Probes: 1})
			return err
		},
		func() error {
			_, err := likelihood.LogDensity(likelihood.Differences(nil), x, likelihood.Settings{SigmaMin: 0.1, SigmaMax: 3, Steps: 2, Probes: 1})
			return err
		},
		func() error { return edit.CheckMask(nil, 4, 4) },
		func() error {
			_, err := edit.Inpaint(sampler.Settings{Method: "euler", Steps: 1}, edit.RePaint{}, nil, x, tensor.New(4, 4), []float32{1, 0}, sampler.NewNoise(1, 0, 1, 4, 4, 1))
			return err
		},
		func() error {
			_, err := edit.Inpaint(sampler.Settings{Method: "euler", Steps: 1}, edit.RePaint{}, half, nil, nil, []float32{1, 0}, nil)
			return err
		},
		func() error { _, err := lab.SampleDiscrete(nil, true, 0, 0, 1); return err },
		func() error { _, err := lab.SampleDiscrete(nil, true, 3, 3, 1); return err },
		func() error { _, err := lab.Mixture(nil).Denoise(x, 1); return err },
		func() error { _, err := lab.Distributions["ring"].Denoise(nil, 1); return err },
	})
}

// Wrong input to core/model is an error, never a panic.
func TestMisuseModels(t *testing.T) {
	net := open(t).Network()
	runner, err := net.NewRunner(1, infer.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	cfg := net.Config()
	refuses(t, []func() error{
		func() error { _, err := model.New("", nil, nil); return err },
		func() error { _, err := model.New("a", &model.Config{}, nil); return err },
		func() error { _, err := model.New("a", &cfg, nil); return err },
		func() error { _, err := model.Open(nil); return err },
		func() error { _, err := model.Open(&weights.File{}); return err },
		func() error { _, err := model.Outline(nil); return err },
		func() error { _, err := (&model.Config{}).Build(); return err },
		func() error { _, err := (&model.Config{Arch: "unet2d"}).Build(); return err },
		func() error { _, err := (&model.Config{}).Chain(); return err },
		func() error { _, err := net.NewRunner(0, infer.Options{}); return err },
		func() error { _, err := net.NewRunner(-4, infer.Options{Workers: -2}); return err },
		func() error { _, err := runner.Forward(nil, nil, nil); return err },
		func() error { _, err := runner.Forward(bad, []float32{1, 2}, nil); return err },
		func() error { _, err := runner.Forward(tensor.New(3), []float32{1, 2}, nil); return err },
		func() error { _, err := runner.Denoiser([]int{99}, 1)(tensor.New(1, 28, 28, 1), 1); return err },
		func() error { _, err := runner.Denoiser(nil, 1)(tensor.New(1, 28, 28, 1), 1); return err },
	})
}

// Wrong input to core/quantize and the packages under weights is an error, never a panic.
func TestMisuseStorage(t *testing.T) {
	m := open(t)
	net := m.Network()
	ctx := t.Context()
	refuses(t, []func() error{
		func() error {
			_, err := quantize.Uniform(ctx, nil, quantize.Images{}, weights.Storage{}, quantize.Options{})
			return err
		},
		func() error {
			_, err := quantize.Uniform(ctx, net, quantize.Images{}, weights.Storage{DType: weights.I8}, quantize.Options{})
			return err
		},
		func() error {
			_, err := quantize.Uniform(ctx, net, quantize.Images{X: tensor.New(2, 3, 3, 1)}, weights.Storage{DType: weights.I8}, quantize.Options{})
			return err
		},
		func() error {
			_, err := quantize.Uniform(ctx, net, quantize.Images{X: tensor.New(2, 28, 28, 1), Class: []int{1}}, weights.Storage{DType: weights.I8}, quantize.Options{})
			return err
		},
		func() error {
			_, err := quantize.Uniform(ctx, net, quantize.Images{X: tensor.New(2, 28, 28, 1), Class: []int{1, 77}}, weights.Storage{DType: weights.I8}, quantize.Options{})
			return err
		},
		func() error {
			_, err := quantize.Uniform(ctx, net, quantize.Images{X: tensor.New(1, 28, 28, 1), Class: []int{1}}, weights.Storage{DType: weights.F32}, quantize.Options{})
			return err
		},
		func() error { _, err := quantize.Mixed(ctx, net, quantize.Images{}, quantize.Options{}); return err },
		func() error { _, err := quantize.Denoise(net, quantize.Images{}); return err },
		func() error { _, err := quantize.Levels8(net, nan); return err },
		func() error { _, err := export.Write(t.TempDir(), "none", net); return err },
		func() error { _, err := export.Write(t.TempDir(), "npz", nil); return err },
		func() error { _, err := importer.Read("", importer.Options{}); return err },
		func() error { return net.Save("", weights.Storage{}, nil) },
		func() error { return m.Save("/nonexistent/x.json") },
		func() error { _, _, err := weights.Encode("", nil, nil); return err },
		func() error { _, err := weights.Create("a.json", nil); return err },
		func() error {
			_, err := weights.Quantize("", []int{-1}, nil, weights.Storage{DType: "F32"})
			return err
		},
	})
}

// Wrong input to core/engine, core/train and this package is an error, never a panic.
func TestMisuseLibrary(t *testing.T) {
	m := open(t)
	net := m.Network()
	ctx := t.Context()
	refuses(t, []func() error{
		func() error { _, err := engine.Of(nil, engine.Options{}); return err },
		func() error { _, err := engine.Open(nil, engine.Options{}); return err },
		func() error { _, err := tweedie.New(net, engine.Options{Workers: -3}); return err },
		func() error { _, err := engine.Pixels(bad); return err },
		func() error { _, err := engine.Pixels(nil); return err },
		func() error { _, err := train.Regress(nil, nil, nil, nil, 1, nil, nil); return err },
		func() error { _, err := tweedie.OpenFS(nil, "a"); return err },
		func() error { _, err := m.Denoiser(ctx, tweedie.Options{N: -1}); return err },
		func() error {
			den, err := m.Denoiser(ctx, tweedie.Options{})
			if err != nil {
				return err
			}
			_, err = den(nil, 1)
			return err
		},
		func() error {
			den, err := m.Denoiser(ctx, tweedie.Options{})
			if err != nil {
				return err
			}
			_, err = den(tensor.New(1, 28, 28, 1), float32(nan))
			return err
		},
	})
}
