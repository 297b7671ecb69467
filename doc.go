// Package tweedie samples, edits and measures with diffusion models:
//
//	m, err := tweedie.Open("mnist.json")
//	…
//	r, err := m.Sample(ctx, tweedie.Options{N: 4, Seed: 7, Class: "3"})
//	…
//	png.Encode(w, r.Images[0]) // r.SHA256 names the pixels
//
// The same model, seed and options give the same bytes as the command line, the HTTP
// API and the page in a browser, on every machine. The examples of this package show
// inpainting, likelihoods, samplers on a denoiser of your own, training, quantizing,
// importing checkpoints, and serving the HTTP API. docs/library.md is a guide.
//
// # Where things are
//
//	tweedie                 open a model, sample, inpaint, likelihood
//	core/sampler            samplers and noise schedules; they take any denoiser
//	core/diffusion          denoisers, noise processes, guidance
//	core/tensor             the array that denoisers take and return, [N,H,W,C]
//	core/picture            fits pictures to a model's size
//	core/dataset            reads folders of pictures and idx files
//	core/train              trains a model from a configuration and data
//	core/quantize           stores a model in fewer bits
//	core/settings           describes settings; its FieldError names one that cannot be used
//	weights/importer        turns a checkpoint of another program into a model
//	weights/export          writes a model for other programs
//	core/gorgonia           converts to and from gorgonia.org/tensor
//	core/httpapi            the HTTP API; core/httpapi/apiserver serves it
//
// A program links what it imports: this package alone brings neither training nor
// gorgonia, gonum or a web server.
//
// # What is stable
//
// The module has no version 1 yet. This package, the packages named above, the format
// of model files and the bytes of a seed change only in releases whose entry in
// CHANGELOG.md says so. Every other package is an implementation detail of these and may
// change at any time.
//
// # Using it from another module
//
// The module's path is "tweedie", which no host serves, so that go get cannot fetch
// it. Clone the repository next to your module and say where it is:
//
//	go mod edit -require tweedie@v0.0.0 -replace tweedie=../tweedie
//	go mod tidy
//
// or put both in a workspace: go work init . ../tweedie. A plain go run works. With
// GOEXPERIMENT=simd in the environment, and the Go version that the module's go.mod
// names, the same results come several times faster; Info().SIMD tells which build it is.
package tweedie
