// Package weights reads and writes model files: a JSON manifest and, beside it,
// shards that are safetensors files in zstd frames. FORMAT.md is the law; this
// package keeps it, in both directions.
//
// Names and shapes are PyTorch's (convolutions [O,I,H,W], linear layers
// [out,in]), numbers are little-endian and row-major. What a tensor is for, and
// what the manifest's config means, is not this package's business (core/model).
//
// # Trust
//
// Bytes are hostile until proven otherwise. Each size is compared with its limit
// and with the bytes present before anything is allocated for it, each shard with
// its SHA-256 before it is decompressed, and each number with its range before a
// [File] is returned: a File holds only finite weights and usable scales.
// Whatever breaks the law is an error that wraps [ErrCorrupt]; a law this package
// is too old to know is one that wraps [ErrVersion]. No call panics on any bytes.
//
// # Where it runs
//
// [ParseManifest], [Manifest.Decode] and what they need do not touch a file
// system and use no reflection, so that a page links them at small cost. [Open],
// [OpenReader], [Write], [Describe] and [Verify] work on files and are absent under js.
package weights

import "errors"

// ErrCorrupt is wrapped by every error about bytes that break the format.
var ErrCorrupt = errors.New("corrupt model file")

// ErrVersion is wrapped by every error about a format version that this package
// does not know.
var ErrVersion = errors.New("unknown model file version")

// The limits of the format. They bound what a reader allocates.
const (
	MaxManifest = 1 << 20  // bytes of a manifest
	MaxShards   = 64       // shards of a model
	MaxShard    = 24 << 20 // bytes of a shard, as stored and as decompressed
	MaxName     = 256      // bytes of the name of a model, a tensor or a file
	MaxAxes     = 8        // axes of a tensor
	maxDepth    = 32       // JSON values inside one another in a manifest
)
