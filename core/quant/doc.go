// Package quant says what the bytes of a quantised tensor mean.
//
// A layout is a way to store the weights of one tensor in fewer bits than a
// float32. Each layout has a file of its own, named after its storage type, and
// in it three functions on plain slices, which quantise, dequantise and check: no
// state, no file format (package weights), no arithmetic on codes (core/kernel).
//
// # The matrix view
//
// Every layout sees a tensor as a matrix of rows: the first axis counts the rows
// and the other axes, flattened in row-major order, are the columns. In PyTorch's
// shapes a row is then one output channel of a convolution [O,I,H,W], one output
// of a linear layer [O,I], or one entry of an embedding [N,C]. Numbers in a row
// share what the layout stores beside the codes; rows are independent.
//
// # Layouts
//
//	layout  codes                          beside the codes
//	int8    one int8 a weight, [-127,127]  one float32 scale a row
//	int4    half a byte a weight, [-8,7]   one float16 scale for 32 weights of a row
//
// Quantising is deterministic: the same numbers give the same codes and scales on
// every machine, because each is one correctly rounded IEEE 754 operation.
package quant
