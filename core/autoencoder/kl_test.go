package autoencoder_test

import (
	"cmp"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"tweedie/core/autoencoder"
	"tweedie/core/graph"
	"tweedie/core/nn"
	"tweedie/core/rng"
	"tweedie/core/tensor"
)

// TestParity compares encoder and decoder with diffusers' AutoencoderKL.
func TestParity(t *testing.T) {
	dir := cmp.Or(os.Getenv("TWEEDIE_AUTOENCODER"), "testdata/kl") // or another, to try it
	c, x, z := configOf(t, dir, &autoencoder.KL{}), array(t, dir, "x"), array(t, dir, "z")
	encoder, err := c.Encoder(x.Shape[1], x.Shape[2])
	if err != nil {
		t.Fatal(err)
	}
	q, err := autoencoder.Posterior(run(t, encoder, params(t, dir, encoder), x))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mean", q.Mean, array(t, dir, "mean"))
	near(t, "logarithm of the variance", q.LogVariance, array(t, dir, "logvar"))
	ones := tensor.New(q.Mean.Shape...)
	for i := range ones.Data {
		ones.Data[i] = 1
	}
	near(t, "mean and one standard deviation", q.Sample(ones), q.Mean.AddScaled(1, array(t, dir, "std")))
	decoder, err := c.Decoder(z.Shape[1], z.Shape[2])
	if err != nil {
		t.Fatal(err)
	}
	near(t, "decoded picture", run(t, decoder, params(t, dir, decoder), z), array(t, dir, "out"))
	if x.Shape[1] != z.Shape[1]*c.Factor() {
		t.Errorf("the factor is %d for %d and %d rows", c.Factor(), x.Shape[1], z.Shape[1])
	}
}

// TestBound: with the exact posterior of a linear Gaussian model, p(z) = N(0,1) and
// p(x|z) = N(wz + b, s²), the bound E_q ln p(x|z) − KL(q‖p) is ln p(x) = ln N(x; b, w² + s²).
func TestBound(t *testing.T) {
	const w, b, s, x = 1.7, -0.4, 0.6, 0.9
	variance := 1 / (1 + w*w/(s*s))
	mean := variance * w * (x - b) / (s * s)
	const n = 1 << 16
	q := autoencoder.Gaussian{Mean: tensor.New(1, 1, 1, n), LogVariance: tensor.New(1, 1, 1, n)}
	noise := tensor.New(1, 1, 1, n)
	rng.Normal(noise.Data, 3, 0, 0)
	for i := range n {
		q.Mean.Data[i], q.LogVariance.Data[i] = float32(mean), float32(math.Log(variance))
	}
	sum := 0.0
	for _, z := range q.Sample(noise).Data {
		d := x - w*float64(z) - b
		sum += -d*d/(2*s*s) - math.Log(s) - math.Log(2*math.Pi)/2
	}
	bound := sum/n - q.Divergence()[0]/n
	total := w*w + s*s
	want := -(x-b)*(x-b)/(2*total) - math.Log(total)/2 - math.Log(2*math.Pi)/2
	if math.Abs(bound-want) > 0.02 { // five standard errors
		t.Errorf("the bound is %g, want %g", bound, want)
	}
	worse := q
	worse.Mean = q.Mean.Scaled(0.5) // another q has a lower bound
	sum = 0
	for _, z := range worse.Sample(noise).Data {
		d := x - w*float64(z) - b
		sum += -d*d/(2*s*s) - math.Log(s) - math.Log(2*math.Pi)/2
	}
	if lower := sum/n - worse.Divergence()[0]/n; lower >= bound {
		t.Errorf("another posterior has the bound %g, the exact one %g", lower, bound)
	}
}

// TestDivergence: it is 0 for N(0, I), and ½ Σ μ² for another mean.
func TestDivergence(t *testing.T) {
	q := autoencoder.Gaussian{Mean: tensor.New(2, 1, 1, 3), LogVariance: tensor.New(2, 1, 1, 3)}
	copy(q.Mean.Data[3:], []float32{1, 2, -2})
	if d := q.Divergence(); d[0] != 0 || d[1] != 4.5 {
		t.Errorf("got %v, want 0 and 4.5", d)
	}
	if _, err := autoencoder.Posterior(tensor.New(1, 2, 2, 3)); err == nil {
		t.Error("an odd number of channels is split")
	}
}

// TestUntrained: a network without training encodes and decodes pictures of any multiple of the
// factor.
func TestUntrained(t *testing.T) {
	c := configOf(t, "testdata/kl", &autoencoder.KL{})
	for _, size := range [][2]int{{4, 4}, {8, 12}, {64, 4}} {
		encoder, err := c.Encoder(size[0], size[1])
		if err != nil {
			t.Fatal(err)
		}
		p := graph.NewParams(encoder.Program)
		nn.Initialize(p, 1)
		z := run(t, encoder, p, tensor.New(1, size[0], size[1], c.InChannels))
		if z.Shape[1] != size[0]/c.Factor() || z.Shape[2] != size[1]/c.Factor() || z.Shape[3] != 2*c.LatentChannels {
			t.Errorf("%v: latents of shape %v", size, z.Shape)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	for want, change := range map[string]func(c *autoencoder.KL){
		"in_channels must be from 1 to 16 (got 0)":         func(c *autoencoder.KL) { c.InChannels = 0 },
		"latent_channels must be from 1 to 64 (got -1)":    func(c *autoencoder.KL) { c.LatentChannels = -1 },
		"levels of block_out_channels must be from 1 to 8": func(c *autoencoder.KL) { c.BlockOutChannels = nil },
		"block_out_channels[0] must be from 1":             func(c *autoencoder.KL) { c.BlockOutChannels = []int{6} },
		"layers_per_block must be from 1 to 16 (got 100)":  func(c *autoencoder.KL) { c.LayersPerBlock = 100 },
		"scaling_factor must be a positive number":         func(c *autoencoder.KL) { c.ScalingFactor = math.NaN() },
	} {
		c := configOf(t, "testdata/kl", &autoencoder.KL{})
		change(c)
		if err := c.Validate(); !errors.Is(err, autoencoder.ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if _, err := configOf(t, "testdata/kl", &autoencoder.KL{}).Encoder(7, 8); err == nil || !strings.Contains(err.Error(), "multiples of") {
		t.Errorf("7 rows: %v", err)
	}
	if _, err := configOf(t, "testdata/kl", &autoencoder.KL{}).Decoder(0, 8); err == nil {
		t.Error("latents without rows are decoded")
	}
}
