// Package quantize chooses how the weights of a model are stored, so that it draws what
// it drew before as nearly as a number of bytes allows.
//
// What counts is the denoised image: D(x;σ) of calibration images at noise levels spread
// over the model's range. Three steps lead there.
//
//   - Sensitivity: the weights of one layer at a time are rounded, the network is
//     evaluated from there on, and the error of D is divided by that of the weights.
//     Errors of other ways to store them are taken to be as much worse or better.
//   - Choice: each layer gets the type and step with the least error plus λ times
//     bytes, λ such that the bytes fit the budget (Shoham and Gersho 1988). Bytes are
//     those of a Huffman code, for that is what is left of them after zstd.
//   - Rounding: layer after layer, on the inputs that the layers before it now give,
//     the error of each rounded weight is made up for by the weights of its row that are
//     still to come (Frantar et al. 2023, GPTQ, arXiv:2210.17323, here as successive
//     rounding over a Cholesky factor), and the mean error of a channel by its bias
//     (Nagel et al. 2019, arXiv:1906.04721, section 4.2).
//
// Arithmetic is exact throughout: the same model and images give the same bytes.
package quantize
