package likelihood

import (
	"errors"
	"fmt"
	"math"

	"tweedie/core/num"
	"tweedie/core/tensor"
)

// Settings are those of LogDensity. They are plain data.
type Settings struct {
	SigmaMin float64 `json:"sigma_min"`          // noise level of the image, where the integration starts; > 0
	SigmaMax float64 `json:"sigma_max"`          // noise level where the integration ends, and x is almost pure noise
	Steps    int     `json:"steps"`              // Runge-Kutta steps, evenly spaced in ln σ; 1 to 65536
	Probe    Probe   `json:"probe,omitempty"`    // how the trace is estimated; "" means Rademacher
	Probes   int     `json:"probes,omitempty"`   // number of random directions, 1 to 65536; 0 means 1; ignored for Exact
	Skip     int     `json:"skip,omitempty"`     // number of directions to skip, 0 to 65536: for a run that is divided into parts
	PriorSD  float64 `json:"prior_sd,omitempty"` // standard deviation of a pixel at SigmaMax; 0 means SigmaMax
	Seed     uint64  `json:"seed,omitempty"`     // seed of the directions
	First    uint64  `json:"first,omitempty"`    // number of the first image; an image has the same directions in any batch
}

const maxSteps = 1 << 16

// Validate returns an error that names the first field that is out of range.
func (s Settings) Validate() error {
	if !(s.SigmaMin > 0 && s.SigmaMin < s.SigmaMax && s.SigmaMax <= math.MaxFloat32) {
		return fmt.Errorf("likelihood: sigma_min and sigma_max must be finite, with 0 < sigma_min < sigma_max (got %g and %g)", s.SigmaMin, s.SigmaMax)
	}
	if s.Steps < 1 || s.Steps > maxSteps {
		return fmt.Errorf("likelihood: steps must be between 1 and %d (got %d)", maxSteps, s.Steps)
	}
	if s.Probes < 0 || s.Probes > maxSteps {
		return fmt.Errorf("likelihood: probes must be between 0 and %d (got %d)", maxSteps, s.Probes)
	}
	if s.Skip < 0 || s.Skip > maxSteps {
		return fmt.Errorf("likelihood: skip must be between 0 and %d (got %d)", maxSteps, s.Skip)
	}
	if !(s.PriorSD >= 0 && s.PriorSD <= math.MaxFloat32) {
		return fmt.Errorf("likelihood: prior_sd must be a finite number of at least 0 (got %g)", s.PriorSD)
	}
	return s.Probe.check()
}

// Density is the result of LogDensity for one image.
type Density struct {
	Log       float64   // ln p(x), nats: the mean of Estimates
	Error     float64   // standard error of Log; 0 for Exact, NaN for a single probe
	Estimates []float64 // estimates of ln p(x), one for each probe; a single one for Exact
}

// Bits returns the estimates in bits per dimension for an image of dims values; see
// BitsPerDim.
func (d Density) Bits(dims int) []float64 {
	bits := make([]float64, len(d.Estimates))
	for i, v := range d.Estimates {
		bits[i] = BitsPerDim(v, dims)
	}
	return bits
}

// Mean returns the mean of values, added in order, and its standard error, which is NaN for
// a single value.
func Mean(values []float64) (mean, err float64) {
	n := float64(len(values))
	for _, v := range values {
		mean += v
	}
	mean /= n
	squares := 0.0
	for _, v := range values {
		squares += float64((v - mean) * (v - mean))
	}
	return mean, math.Sqrt(squares / (n - 1) / n)
}

// LogDensity returns ln p of each image x [N,H,W,C] under the probability flow
//
//	dx/d ln σ = x − D(x;σ),   d ln p/d ln σ = −(d − tr ∂D/∂x)
//
// from sigma_min to sigma_max, where p is assumed to be N(0, prior_sd²·I) (Song et al.
// 2021, eq. 39, in the coordinates of Karras et al. 2022). d is the number of values of
// an image. Every probe has the same direction at all levels and gives one estimate. Both
// equations are integrated by the classical fourth-order Runge-Kutta method.
//
// It calls product 4·Steps times for each probe. The error is one of Settings.Validate or
// of product.
func LogDensity(product Product, x *tensor.Tensor, s Settings) ([]Density, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	if product == nil {
		return nil, errors.New("likelihood: the product must not be nil")
	}
	if err := checkImages(x); err != nil {
		return nil, err
	}
	f := newFlow(product, x, s)
	low, high := num.Log(s.SigmaMin), num.Log(s.SigmaMax)
	for i := range s.Steps {
		from := low + float64(float64(i)/float64(s.Steps)*(high-low))
		to := low + float64(float64(i+1)/float64(s.Steps)*(high-low))
		if err := f.step(from, to-from); err != nil {
			return nil, err
		}
	}
	return f.densities(), nil
}

// flow is the state of an integration: the images, and the divergence for each probe.
type flow struct {
	product    Product
	s          Settings
	shape      []int
	probes     []*tensor.Tensor
	x          []float64   // [N·d]
	divergence [][]float64 // ∫ (d − e·J·e) d ln σ for each probe and image
}

func newFlow(product Product, x *tensor.Tensor, s Settings) *flow {
	f := &flow{product: product, s: s, shape: x.Shape, x: make([]float64, len(x.Data))}
	for i, v := range x.Data {
		f.x[i] = float64(v)
	}
	probes := max(1, s.Probes)
	if s.Probe == Exact {
		probes = tensor.Size(x.Shape[1:])
	}
	for k := range probes {
		f.probes = append(f.probes, s.Probe.directions(x.Shape, s.Skip+k, s.Seed, s.First))
		f.divergence = append(f.divergence, make([]float64, x.Shape[0]))
	}
	return f
}

// step integrates from ln σ = at to at + h.
func (f *flow) step(at, h float64) error {
	start := append([]float64{}, f.x...)
	sum, slope := make([]float64, len(f.x)), make([]float64, len(f.x))
	for _, stage := range []struct{ at, from, weight float64 }{{0, 0, 1. / 6}, {0.5, 0.5, 1. / 3}, {0.5, 0.5, 1. / 3}, {1, 1, 1. / 6}} {
		point := tensor.New(f.shape...)
		for i, v := range start {
			point.Data[i] = float32(v + float64(stage.from*h*slope[i]))
		}
		if err := f.evaluate(slope, point, at+float64(stage.at*h), stage.weight*h); err != nil {
			return err
		}
		for i, v := range slope {
			sum[i] += float64(stage.weight * v)
		}
	}
	for i, v := range sum {
		f.x[i] = start[i] + float64(h*v)
	}
	return nil
}

// evaluate writes x − D to slope, and adds weight·(d − e·J·e) to the divergence.
func (f *flow) evaluate(slope []float64, x *tensor.Tensor, logSigma, weight float64) error {
	sigma := float32(min(max(num.Exp(logSigma), f.s.SigmaMin), f.s.SigmaMax))
	d := float64(tensor.Size(f.shape[1:]))
	for k, e := range f.probes {
		denoised, along, err := f.product(x, e, sigma)
		if err != nil {
			return err
		}
		if k == 0 {
			for i, v := range x.Data {
				slope[i] = float64(v) - float64(denoised.Data[i])
			}
		}
		for i := range f.divergence[k] {
			trace := dot(e.Row(i), along.Row(i))
			if f.s.Probe == Exact {
				f.divergence[k][i] += float64(weight * (1 - trace)) // the contribution of one axis to d − tr J
			} else {
				f.divergence[k][i] += float64(weight * (d - trace))
			}
		}
	}
	return nil
}

// densities adds the divergence and the log density at the end.
func (f *flow) densities() []Density {
	out := make([]Density, f.shape[0])
	d := tensor.Size(f.shape[1:])
	sd := f.s.PriorSD
	if sd == 0 {
		sd = f.s.SigmaMax
	}
	for i := range out {
		squares := 0.0
		for _, v := range f.x[i*d : (i+1)*d] {
			squares += float64(v * v)
		}
		prior := -float64(float64(d)*(num.Log(sd)+halfLog2Pi)) - squares/(2*sd*sd)
		sum := 0.0
		for _, spread := range f.divergence {
			out[i].Estimates = append(out[i].Estimates, prior+spread[i])
			sum += spread[i]
		}
		if f.s.Probe == Exact { // the sum over all axes
			out[i] = Density{Log: prior + sum, Estimates: []float64{prior + sum}}
			continue
		}
		out[i].Log, out[i].Error = Mean(out[i].Estimates)
	}
	return out
}

const halfLog2Pi = 0.91893853320467274178 // ½·ln 2π

func dot(a, b []float32) (sum float64) {
	for i, v := range a {
		sum += float64(float64(v) * float64(b[i]))
	}
	return sum
}
