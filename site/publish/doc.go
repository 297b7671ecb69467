// Package publish makes the static site of a model and serves it.
//
// A site is a folder that any static host can serve:
//
//	index.html, *.css        the page, with boot.js and page.js
//	tweedie.js, worker.js    the JavaScript module and its worker; tweedie.d.ts has its types
//	tweedie.wasm             the core; tweedie-likelihood.wasm with likelihoods, tweedie-pictures.wasm for files
//	models/NAME.json         manifests, with their shards in the same folder
//	models/index.json        the list of models; the page opens the first
//	*.br                     the same files, compressed with brotli
//	_headers                 response headers, for hosts that read them
//	build.json               the build id, which page, worker and wasm compare
package publish
