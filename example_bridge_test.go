//go:build !js

package tweedie_test

import (
	"context"
	"fmt"
	"image/png"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	gotensor "gorgonia.org/tensor"

	"tweedie"
	"tweedie/core/gorgonia"
	"tweedie/core/httpapi/apiserver"
)

// Arrays of gorgonia.org/tensor go in and come out: a denoiser is evaluated on one.
func Example_gorgonia() {
	m, err := tweedie.Open("weights/models/mnist.json")
	if err != nil {
		log.Fatal(err)
	}
	denoise, err := m.Denoiser(context.Background(), tweedie.Options{N: 2, Class: "0", Guidance: new(1.0)})
	if err != nil {
		log.Fatal(err)
	}
	in := gotensor.New(gotensor.WithShape(2, 28, 28, 1), gotensor.WithBacking(gotensor.Random(gotensor.Float32, 2*28*28)))
	x, err := gorgonia.ToTensor(in)
	if err != nil {
		log.Fatal(err)
	}
	d, err := denoise(x, 0.5)
	if err != nil {
		log.Fatal(err)
	}
	out, err := gorgonia.FromTensor(d)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out.Shape(), out.Dtype())
	// Output:
	// (2, 28, 28, 1) float32
}

// The HTTP API on a mux of one's own, next to other routes.
func Example_serve() {
	api, err := apiserver.New(apiserver.Options{Models: os.DirFS("weights/models"), Rate: 60})
	if err != nil {
		log.Fatal(err)
	}
	defer api.Close()
	mux := http.NewServeMux()
	mux.Handle("/api/", api)
	mux.HandleFunc("/hello", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	server := httptest.NewServer(mux) // or http.ListenAndServe
	defer server.Close()

	answer, err := http.Get(server.URL + "/api/sample.png?model=mnist&class=3&n=4&seed=7&steps=4&scale=1")
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	sheet, err := png.Decode(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Status, sheet.Bounds().Size())
	// Output:
	// 200 OK (56,56)
}
