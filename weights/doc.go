// Package weights reads and writes model files: a JSON manifest and, in the same
// folder, shards that are safetensors files in zstd frames. FORMAT.md specifies the
// format.
//
// Names and shapes follow PyTorch (convolutions [O,I,H,W], linear layers
// [out,in]); numbers are little-endian and row-major. What a tensor is for, and
// what the manifest's config means, is defined by core/model.
//
// # Validation
//
// Input is never trusted. Each size is compared with its limit and with the number
// of bytes present before memory is allocated for it, each shard with its SHA-256
// before it is decompressed, and each number with its range before a [File] is
// returned: a File contains only finite weights and valid scales. An error about
// bytes that violate FORMAT.md wraps [ErrCorrupt]; an error about a later version
// of the format wraps [ErrVersion]. No call panics, whatever the bytes are.
//
// # Where it runs
//
// [ParseManifest], [Manifest.Decode] and what they call do not touch a file
// system and use no reflection, so that they add little to a page. [Open],
// [OpenReader], [Write], [Describe] and [Verify] work on files and are absent under js.
package weights

import "errors"

// ErrCorrupt is wrapped by every error about bytes that violate the format.
var ErrCorrupt = errors.New("corrupt model file")

// ErrVersion is wrapped by every error about a format version that this package
// does not support.
var ErrVersion = errors.New("unknown model file version")

// The limits of the format. They bound what a reader allocates.
const (
	MaxManifest = 1 << 20  // bytes of a manifest
	MaxShards   = 64       // shards of a model
	MaxShard    = 24 << 20 // bytes of a shard, as stored and as decompressed
	MaxName     = 256      // bytes of the name of a model, a tensor or a file
	MaxAxes     = 8        // axes of a tensor
	maxDepth    = 32       // nesting of JSON values in a manifest
)
