// Package onnx converts the graph of an ONNX file to a program of core/graph: a network that
// runs without knowledge of its architecture. Versions 1 to 23 of the ONNX operators are
// supported (minOpset, maxOpset); the table operators lists them.
//
// The conversion has three steps. First the file is read (proto.go, section.go, tensor.go):
// protobuf of bounded nesting, with external data only from the file's own folder. Large
// weights stay in the file and are read on demand, so that only one at a time is in memory.
//
// Then the graph is evaluated symbolically for a batch of one (builder.go and the files of
// operators). What does not depend on an input is computed at once. Transposing, splitting,
// concatenating constants, slicing and repeating only change a view of a node (view.go) and
// compute nothing. Operations that an exporter has decomposed are fused again (fuse.go,
// norm.go, matmul.go).
//
// Finally the nodes that the output needs are emitted as operations of the program (emit.go).
// Images, which are [1,C,H,W] in ONNX, are stored as [H,W,C], and numbers are copied only where
// an operation cannot read them in their layout.
//
// An unsupported operator is an error that names it and its node; so is a shape or a setting
// that an operation does not support. Everything that is assumed is listed in Network.Assumed.
package onnx
