// Package quant defines the layouts of quantized tensors.
//
// A layout stores the weights of a tensor in fewer bits than a float32. There is one
// file for each layout, named after its storage type, with three functions on slices,
// which quantize, dequantize and check. The file format is in package weights, and
// arithmetic on codes in core/kernel.
//
// # The matrix view
//
// Every layout sees a tensor as a matrix of rows: the first axis counts the rows
// and the other axes, flattened in row-major order, are the columns. In PyTorch's
// shapes a row is then one output channel of a convolution [O,I,H,W], one output
// of a linear layer [O,I], or one entry of an embedding [N,C]. Rows are independent.
//
// # Layouts
//
//	layout  codes                             scales
//	int8    an int8 per weight, [-127,127]    a float32 per row
//	int4    half a byte per weight, [-8,7]    a float16 per 32 weights of a row
//
// Quantizing is deterministic: the same numbers give the same codes and scales on
// every machine, because each is one correctly rounded IEEE 754 operation.
package quant
