//go:build !js

package tweedie_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"log"
	"os"

	"tweedie"
)

// Four threes, each as a PNG.
func Example() {
	m, err := tweedie.Open("weights/models/mnist.json")
	if err != nil {
		log.Fatal(err)
	}
	r, err := m.Sample(context.Background(), tweedie.Options{N: 4, Seed: 7, Class: "3"})
	if err != nil {
		log.Fatal(err)
	}
	for i, img := range r.Images {
		var file bytes.Buffer // or os.Create(fmt.Sprintf("%d.png", i))
		if err := png.Encode(&file, img); err != nil {
			log.Fatal(err)
		}
		fmt.Println("digit", i, img.Bounds().Size())
	}
	fmt.Println(r.NFE, "evaluations, SHA-256", r.SHA256[:16])
	// Output:
	// digit 0 (28,28)
	// digit 1 (28,28)
	// digit 2 (28,28)
	// digit 3 (28,28)
	// 20 evaluations, SHA-256 ac32de52332c95b5
}

// A model that is part of the program: here os.DirFS stands for an embed.FS.
func ExampleOpenFS() {
	m, err := tweedie.OpenFS(os.DirFS("weights"), "models/mnist.json")
	if err != nil {
		log.Fatal(err)
	}
	info := m.Info()
	fmt.Println(info.Title, info.Shape, len(info.Classes), "classes")
	fmt.Println("by default", info.Defaults.Sampler, "in", info.Defaults.Steps, "steps, guidance", info.Defaults.Guidance)
	// Output:
	// Handwritten digits [1 28 28] 10 classes
	// by default dpmpp2m in 20 steps, guidance 1.3
}

// A run that tells how far it is and is cancelled on the way.
func ExampleModel_Sample() {
	m, err := tweedie.Open("weights/models/mnist.json")
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err = m.Sample(ctx, tweedie.Options{
		Steps: 8, Sampler: "heun", Guidance: new(1.0),
		OnStep: func(p tweedie.Progress) {
			fmt.Printf("evaluation %d of %d at noise level %.2f\n", p.Done, p.Total, p.Sigma)
			if p.Done == 3 {
				cancel()
			}
		},
	})
	fmt.Println(errors.Is(err, context.Canceled))
	// Output:
	// evaluation 1 of 15 at noise level 40.00
	// evaluation 2 of 15 at noise level 19.26
	// evaluation 3 of 15 at noise level 19.26
	// true
}

// The upper half of a digit is repainted in three ways; the lower half keeps its bytes.
func ExampleModel_Inpaint() {
	m, err := tweedie.Open("weights/models/mnist.json")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	first, err := m.Sample(ctx, tweedie.Options{Seed: 1, Class: "8"})
	if err != nil {
		log.Fatal(err)
	}
	mask := image.NewGray(image.Rect(0, 0, 28, 28)) // black: keep
	draw.Draw(mask, image.Rect(0, 0, 28, 14), image.NewUniform(color.White), image.Point{}, draw.Src)
	r, err := m.Inpaint(ctx, first.Images[0], mask, tweedie.Options{N: 3, Seed: 2, Class: "none", Steps: 8, Resample: 2, Jump: 4})
	if err != nil {
		log.Fatal(err)
	}
	lower := func(pixels []uint8, i int) []uint8 { return pixels[784*i+14*28 : 784*(i+1)] }
	for i := range r.Images {
		fmt.Println("variation", i, "keeps the lower half:", bytes.Equal(lower(r.Pixels, i), lower(first.Pixels, 0)))
	}
	// Output:
	// variation 0 keeps the lower half: true
	// variation 1 keeps the lower half: true
	// variation 2 keeps the lower half: true
}

// A digit is likelier than the same digit upside down.
func ExampleModel_Likelihood() {
	m, err := tweedie.Open("weights/models/mnist.json")
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	r, err := m.Sample(ctx, tweedie.Options{Seed: 5, Class: "4"})
	if err != nil {
		log.Fatal(err)
	}
	turned := image.NewGray(image.Rect(0, 0, 28, 28))
	for i, v := range r.Pixels {
		turned.Pix[len(turned.Pix)-1-i] = v
	}
	o := tweedie.LikelihoodOptions{Class: "4", Steps: 4}
	upright, err := m.Likelihood(ctx, r.Images[0], o)
	if err != nil {
		log.Fatal(err)
	}
	upsideDown, err := m.Likelihood(ctx, turned, o)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("upright is likelier:", upright.BitsPerDim < upsideDown.BitsPerDim)
	// Output:
	// upright is likelier: true
}
