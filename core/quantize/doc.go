// Package quantize chooses how the weights of a model are stored, so that its images change as
// little as possible within a budget of bytes.
//
// The measure of quality is the denoised image: D(x;σ) of calibration images, at noise levels
// spread over the model's range. There are three steps.
//
//   - Sensitivity: the weights of one layer at a time are rounded, the rest of the network is
//     evaluated, and the error of D is divided by that of the weights. The error of D for
//     other types and steps is assumed to be proportional to the error of the weights.
//   - Choice: each layer gets the type and step with the least error plus λ times bytes,
//     with the λ that meets the budget (Shoham and Gersho 1988). Bytes are estimated by a
//     Huffman code, because that is what zstd achieves.
//   - Rounding: the layers are rounded in order, with the inputs that the rounded layers
//     before them produce. The error of each rounded weight is compensated by the weights
//     of its row that follow (Frantar et al. 2023, GPTQ, arXiv:2210.17323, here as
//     successive rounding with a Cholesky factor), and the mean error of a channel by its
//     bias (Nagel et al. 2019, arXiv:1906.04721, section 4.2).
//
// Arithmetic is exact throughout: the same model and images give the same bytes.
package quantize
