package likelihood

import (
	"tweedie/core/autodiff"
	"tweedie/core/tensor"
)

// OfTape returns eᵀ·∂F/∂x of a network by one pass forward and one back. tape is made
// for up to batch images at a time, and watches its program's first input, the images;
// others returns the remaining inputs for images [start, end): times, and classes if
// the network takes them. Gradients by the parameters are gathered on the tape besides
// and are of no use.
func OfTape(tape *autodiff.Tape, batch int, others func(start, end int, cNoise float32) [][]float32) NetworkProduct {
	image := tape.Program().Inputs[0].Value
	return func(x, e *tensor.Tensor, cNoise float32) (f, product *tensor.Tensor, err error) {
		f, product = tensor.New(x.Shape...), tensor.New(x.Shape...)
		size := tensor.Size(x.Shape[1:])
		for start := 0; start < x.Shape[0]; start += batch {
			end := min(start+batch, x.Shape[0])
			from, to := start*size, end*size
			inputs := append([][]float32{x.Data[from:to]}, others(start, end, cNoise)...)
			copy(f.Data[from:to], tape.Forward(end-start, inputs...))
			tape.Backward(end-start, e.Data[from:to])
			copy(product.Data[from:to], tape.InputGradient(image, end-start))
		}
		return f, product, nil
	}
}
