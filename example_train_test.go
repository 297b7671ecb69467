//go:build !js

package tweedie_test

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"log"
	"os"
	"path/filepath"

	"tweedie"
	"tweedie/core/dataset"
	"tweedie/core/engine"
	"tweedie/core/model"
	"tweedie/core/picture"
	"tweedie/core/quantize"
	"tweedie/core/train"
	"tweedie/weights"
	"tweedie/weights/export"
	"tweedie/weights/importer"
)

// bars returns pictures with a bright row or column each, and which it is.
func bars(n, side int) (images []image.Image, labels []int) {
	for i := range n {
		img := image.NewGray(image.Rect(0, 0, side, side))
		for j := range side {
			x, y := j, i/2%side
			if i%2 == 1 {
				x, y = y, x
			}
			img.Set(x, y, color.White)
		}
		images, labels = append(images, img), append(labels, i%2)
	}
	return images, labels
}

// trained returns a tiny model of bars.
func trained(steps int) (*model.Model, error) {
	images, labels := bars(64, 8)
	d, err := dataset.FromImages(images, labels, []string{"row", "column"}, [3]int{1, 8, 8}, picture.Options{})
	if err != nil {
		return nil, err
	}
	c := train.NewConfig([3]int{1, 8, 8}, d.Classes...)
	c.Steps, c.Batch = steps, 16
	t, err := train.New(c, &train.Data{N: d.Len(), H: d.H, W: d.W, C: d.C, Images: d.Images, Labels: d.Labels}, nil)
	if err != nil {
		return nil, err
	}
	if err := t.Run(context.Background(), nil); err != nil {
		return nil, err
	}
	return t.Model("bars")
}

// A tiny model is trained on pictures in memory, saved with one call, and drawn from.
func Example_train() {
	images, labels := bars(64, 8)
	classes := []string{"row", "column"}
	d, err := dataset.FromImages(images, labels, classes, [3]int{1, 8, 8}, picture.Options{})
	if err != nil {
		log.Fatal(err)
	}
	c := train.NewConfig([3]int{d.C, d.H, d.W}, classes...)
	c.Steps, c.Batch = 10, 16 // thousands for a model of use
	data := &train.Data{N: d.Len(), H: d.H, W: d.W, C: d.C, Images: d.Images, Labels: d.Labels}
	t, err := train.New(c, data, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := t.Run(context.Background(), nil); err != nil {
		log.Fatal(err)
	}
	bars, err := t.Model("bars")
	if err != nil {
		log.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "tweedie-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "bars.json")
	if err := bars.Save(path, weights.Storage{DType: weights.F32}, nil); err != nil {
		log.Fatal(err)
	}
	m, err := tweedie.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	r, err := m.Sample(context.Background(), tweedie.Options{N: 2, Class: "row,column"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Info().Name, r.Classes, r.Images[0].Bounds().Size())
	// Output:
	// bars [row column] (8,8)
}

// A model is stored in eight bits a weight, rounded so that what it denoises changes
// least.
func Example_quantize() {
	network, err := trained(5)
	if err != nil {
		log.Fatal(err)
	}
	m, err := tweedie.New(network, engine.Options{})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	r, err := m.Sample(ctx, tweedie.Options{N: 8, Seed: 1}) // calibration images; real ones are better
	if err != nil {
		log.Fatal(err)
	}
	images := quantize.Images{X: r.Tensor(), Class: r.Class}
	stored, err := quantize.Uniform(ctx, network, images, weights.Storage{DType: weights.I8}, quantize.Options{})
	if err != nil {
		log.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "tweedie-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	whole, small := filepath.Join(folder, "whole.json"), filepath.Join(folder, "small.json")
	if err := m.Save(whole); err != nil {
		log.Fatal(err)
	}
	if err := stored.Save(small, network, nil); err != nil {
		log.Fatal(err)
	}
	sizes := [2]int64{}
	for i, path := range []string{whole, small} {
		m, err := tweedie.Open(path)
		if err != nil {
			log.Fatal(err)
		}
		sizes[i] = m.Info().Bytes
	}
	fmt.Println("less than a third of the bytes:", 3*sizes[1] < sizes[0])
	// Output:
	// less than a third of the bytes: true
}

// A checkpoint of another program becomes a model: here a folder of diffusers, with its
// weights in safetensors, that this program has exported. Read takes files of weights
// alone as well; Assumed lists what they leave open, and options say it instead.
func Example_import() {
	network, err := trained(1)
	if err != nil {
		log.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "tweedie-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	if _, err := export.Write(folder, "diffusers", network); err != nil {
		log.Fatal(err)
	}
	c, err := importer.Read(folder, importer.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	m, err := tweedie.New(c.Model, engine.Options{})
	if err != nil {
		log.Fatal(err)
	}
	r, err := m.Sample(context.Background(), tweedie.Options{Seed: 1, Steps: 5, Class: "0"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Base(c.Source), m.Info().Shape, r.Classes)
	// Output:
	// diffusion_pytorch_model.safetensors [1 8 8] [0]
}
