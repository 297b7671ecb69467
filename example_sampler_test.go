//go:build !js

package tweedie_test

import (
	"context"
	"fmt"
	"log"
	"math"

	"tweedie"
	"tweedie/core/engine"
	"tweedie/core/lab"
	"tweedie/core/sampler"
	"tweedie/core/tensor"
)

// A function of one's own is a denoiser: here for data that are −1 or 1, of which
// D(x;σ) = tanh(x/σ²). Any sampler takes it, on points [N,D] as on images [N,H,W,C].
func Example_ownDenoiser() {
	denoise := func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		d := tensor.New(x.Shape...)
		for i, v := range x.Data {
			d.Data[i] = float32(math.Tanh(float64(v / (sigma * sigma))))
		}
		return d, nil
	}
	s := sampler.Settings{Method: "heun", Steps: 10}
	x, err := sampler.Draw(s, denoise, sampler.NewNoise(1, 0, 4, 2), 0.05, 10)
	if err != nil {
		log.Fatal(err)
	}
	for i := range 4 {
		fmt.Printf("%+.2f\n", x.Row(i))
	}
	// Output:
	// [+1.00 -1.00]
	// [-1.00 +1.00]
	// [-1.00 -1.00]
	// [+1.00 -1.00]
}

// Five samplers draw from a mixture of normal distributions, whose denoiser is known
// exactly. The distance to draws from the mixture itself falls with the order.
func Example_samplers() {
	ring := lab.Distributions["ring"]
	noise := sampler.NewNoise(1, 0, 2000, 1, 1, 2)
	for _, method := range []string{"euler", "heun", "dpmpp2m", "euler-ancestral", "unipc"} {
		x, err := sampler.Draw(sampler.Settings{Method: method, Steps: 16}, ring.Denoise, noise, 0.01, 10)
		if err != nil {
			log.Fatal(err)
		}
		distance, expected := ring.Distance(x)
		fmt.Printf("%-16s %.3f (%.3f of exact draws)\n", method, distance, expected)
	}
	// Output:
	// euler            0.025 (0.017 of exact draws)
	// heun             0.017 (0.017 of exact draws)
	// dpmpp2m          0.018 (0.017 of exact draws)
	// euler-ancestral  0.024 (0.017 of exact draws)
	// unipc            0.016 (0.017 of exact draws)
}

// A sampler of one's own: Euler's method on the model's denoiser and noise levels, with
// the loop written out.
func ExampleModel_Denoiser() {
	m, err := tweedie.Open("weights/models/mnist.json")
	if err != nil {
		log.Fatal(err)
	}
	o := tweedie.Options{N: 2, Seed: 7, Class: "3", Steps: 10, Sampler: "euler"}
	denoise, err := m.Denoiser(context.Background(), o)
	if err != nil {
		log.Fatal(err)
	}
	sigmas, err := m.Sigmas(o)
	if err != nil {
		log.Fatal(err)
	}
	x := sampler.Start(sampler.NewNoise(o.Seed, 0, o.N, 28, 28, 1), sigmas)
	for i, sigma := range sigmas[:len(sigmas)-1] {
		d, err := denoise(x, sigma)
		if err != nil {
			log.Fatal(err)
		}
		ratio := sigmas[i+1] / sigma
		x = x.Combine(ratio, 1-ratio, d) // x + (σ′−σ)·(x−D)/σ
	}
	r, err := m.Sample(context.Background(), o)
	if err != nil {
		log.Fatal(err)
	}
	pixels, err := engine.Pixels(x)
	if err != nil {
		log.Fatal(err)
	}
	most := 0
	for i, v := range r.Pixels {
		most = max(most, int(v)-int(pixels[i]), int(pixels[i])-int(v))
	}
	fmt.Println("within a grey level of Sample's pixels:", most <= 1)
	// Output:
	// within a grey level of Sample's pixels: true
}
