// Package publish makes the static site of a model and serves it.
//
// A site is a folder that any static host can serve:
//
//	index.html, *.css        the page
//	tweedie.js, worker.js    the module and its workers
//	tweedie.wasm             the core, with wasm_exec.js of the same toolchain
//	models/NAME.json         manifests, with their shards beside them
//	models/index.json        which models there are, the page's own first
//	*.br                     the same files, compressed once by brotli
//	_headers                 response headers, for hosts that read them
//	build.json               the build id, which page, worker and wasm compare
package publish
