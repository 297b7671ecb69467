// Package onnx turns the graph of an ONNX file into a program of core/graph: a
// network that runs without knowing its architecture.
//
// It goes in three steps. The file is read (proto.go, tensor.go): protobuf of a fixed
// depth, weights beside it only from within its own folder, large ones where they are
// asked for, so that one at a time has to be in memory. The graph is understood
// for a batch of one (builder.go and the files of operators): what does not depend on
// an input is computed, in the same way, axes that are moved, split, joined, cut or repeated are
// bookkeeping (view.go) and compute nothing, and what an exporter took apart is
// joined again (norm.go, product.go, activation.go). Then operations are placed (place.go):
// images that ONNX has as [1,C,H,W] lie as [H,W,C], and numbers move only where an
// operation cannot read them as they lie.
//
// An operator that is not there is an error that names it and its node; so is a
// shape or a setting that an operation does not have. Nothing is guessed but what
// Network.Assumed lists.
package onnx
