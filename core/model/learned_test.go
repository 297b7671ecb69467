package model_test

import (
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/minijson"
	"tweedie/core/model"
)

// learnedModel returns a model with 2C output channels on a cosine chain.
func learnedModel(t *testing.T) *model.Model {
	t.Helper()
	c := parse(t)
	c.Prediction, c.SigmaData, c.TimeScale, c.Variance, c.UNet.OutChannels = model.Epsilon, 0, 0, model.Learned, 2
	c.Schedule = &diffusion.Schedule{Kind: diffusion.Cosine}
	return modelOf(t, c)
}

// The denoiser returns the network's variances after D for each pixel, unchanged, and those of
// the conditional evaluation if there are two. D is the same as without variances.
func TestLearnedVariances(t *testing.T) {
	r, x, y := runner(t, learnedModel(t), 4, 1), images(2), []int{0, 1}
	const sigma = 1.5
	c := learnedModel(t).Config()
	p, err := c.Parametrization()
	if err != nil {
		t.Fatal(err)
	}
	k, err := p.Coefficients(sigma)
	if err != nil {
		t.Fatal(err)
	}
	time := c.Time(float32(k.CNoise))
	f, err := r.Forward(x.Scaled(float32(k.CIn)), []float32{time, time}, y)
	if err != nil {
		t.Fatal(err)
	}
	for _, guidance := range []float32{1, 2} {
		d, err := r.Denoiser(y, guidance)(x, sigma)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Data) != 2*len(x.Data) || len(f.Data) != 2*len(x.Data) {
			t.Fatalf("%d and %d numbers, want twice the image's %d", len(d.Data), len(f.Data), len(x.Data))
		}
		for i, v := range x.Data {
			if d.Data[2*i+1] != f.Data[2*i+1] {
				t.Fatalf("guidance %g: v of pixel %d is %g, want the network's %g", guidance, i, d.Data[2*i+1], f.Data[2*i+1])
			}
			want := float32(float32(k.CSkip)*v) + float32(float32(k.COut)*f.Data[2*i])
			if guidance == 1 && d.Data[2*i] != want {
				t.Fatalf("D of pixel %d is %g, want %g", i, d.Data[2*i], want)
			}
		}
		mean, err := diffusion.MeanOnly(r.Denoiser(y, guidance))(x, sigma)
		if err != nil || len(mean.Data) != len(x.Data) || mean.Data[7] != d.Data[14] {
			t.Errorf("guidance %g: the mean alone is %d numbers, %v", guidance, len(mean.Data), err)
		}
	}
}

// Every field of a configuration survives a round trip through JSON.
func TestConfigTravels(t *testing.T) {
	c := parse(t)
	c.Prediction, c.SigmaData = model.Epsilon, 0
	c.Process = &diffusion.Spec{Kind: diffusion.KindVariational, Gamma: &diffusion.Monotone{Start: -10, End: 8, Slope: 2, Units: [][3]float64{{3, -1, 0.5}, {1, 0, 2}}}}
	c.Posterior = &diffusion.PosteriorVariance{Sigmas: []float64{0.1, 1}, Variances: []float64{0.01, 0.2}}
	text, err := minijson.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := model.ParseConfig(text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := minijson.Marshal(got)
	if err != nil || string(again) != string(text) {
		t.Errorf("got  %s, %v\nwant %s", again, err, text)
	}
}
