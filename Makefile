# make run builds everything and serves the page; make test is what CI runs.
# Go 1.21 or newer, make and git are enough: Go fetches the toolchain it needs.

GO   ?= go
PORT ?= 8080
# The models of the site; the page opens the first, and offers a classifier with those that it can guide.
MODELS ?= weights/models/mnist.json weights/models/ncsn.json weights/models/mnist-classifier.json

export GOTOOLCHAIN  := go1.27.4
export GOEXPERIMENT := simd
export CGO_ENABLED  := 0
unexport GOOS GOARCH GOFLAGS

# Builds are reproducible: no paths, no build ids, no state of the work tree.
FLAGS := -trimpath -buildvcs=false
SMALL := -s -w -buildid=
# The page's bytes: without inlining it is 7 % smaller after brotli. What inner
# loops are and call stays as it is.
LEAN  := -gcflags=std=-l -gcflags=tweedie/...=-l $(foreach p,crypto/... encoding/binary internal/byteorder math math/bits simd/... \
	tweedie/core/kernel tweedie/core/num tweedie/core/rng tweedie/core/quant,-gcflags=$(p)=)

# Where the page is put together, to be compiled into bin/tweedie.
BUILT := site/publish/built

# The build id names the sources of the page: scripts, workers and wasm carry it and
# refuse to run with files of another build. tools/bundle writes it.
BUILD = $$(cat $(BUILT)/build-id)

.DEFAULT_GOAL := help
.PHONY: help build wasm site run worker worker-dev workerd vite check test bench bench-peers bench-memory compare picture generate golden fmt clean toolchain

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

toolchain:
	@command -v $(GO) >/dev/null || { echo "make: Go is not installed: install Go 1.21 or newer" >&2; exit 1; }
	@$(GO) version | grep -q "$(GOTOOLCHAIN)" || { echo "make: Go must be 1.21 or newer, which fetches $(GOTOOLCHAIN) itself (got $$($(GO) version))" >&2; exit 1; }

build: wasm ## bin/tweedie, the native tool, with the page inside
	$(GO) build $(FLAGS) -ldflags='$(SMALL)' -o bin/tweedie ./tools/convert

wasm: toolchain ## the page with its wasm, in site/publish/built
	@rm -f $(BUILT)/*
	$(GO) run ./tools/bundle "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" $(BUILT)
	GOOS=js GOARCH=wasm $(GO) build $(FLAGS) $(LEAN) -ldflags="$(SMALL) -X main.build=$(BUILD)" -o $(BUILT)/tweedie.wasm ./wasm/browser
	GOOS=js GOARCH=wasm $(GO) build -tags likelihood $(FLAGS) $(LEAN) -ldflags="$(SMALL) -X main.build=$(BUILD)" -o $(BUILT)/tweedie-likelihood.wasm ./wasm/browser
	GOOS=js GOARCH=wasm $(GO) build $(FLAGS) $(LEAN) -ldflags="$(SMALL) -X main.build=$(BUILD)" -o $(BUILT)/tweedie-pictures.wasm ./wasm/pictures
	@for name in tweedie tweedie-likelihood tweedie-pictures; do $(GO) run ./tools/wasmopt $(BUILT)/$$name.wasm || exit 1; done

site: build ## dist/, the static site of MODELS
	bin/tweedie site $(MODELS) -o dist

run: site ## build everything and serve the page on PORT
	bin/tweedie serve dist --addr 127.0.0.1:$(PORT)

# What wasm/worker/wrangler.jsonc deploys: the Worker's modules and its site.
WORKER := bin/worker

worker: build ## the Cloudflare Worker and its site, in bin/worker
	$(GO) run github.com/syumai/workers/cmd/workers-assets-gen -mode=go -o $(WORKER)/build
	@rm $(WORKER)/build/worker.mjs && cp wasm/worker/*.js $(WORKER)/build/
	GOOS=js GOARCH=wasm $(GO) build $(FLAGS) $(LEAN) -ldflags="$(SMALL) -X main.build=$(BUILD)" -o $(WORKER)/build/app.wasm ./wasm/worker
	@$(GO) run ./tools/wasmopt $(WORKER)/build/app.wasm
	bin/tweedie site $(MODELS) -o $(WORKER)/site --share --plain

workerd: .cache/workerd/installed-lock.json
.cache/workerd/installed-lock.json: wasm/worker/package-lock.json
	@command -v npm >/dev/null || { echo "make: npm is not installed and is needed: on Debian, apt-get install npm" >&2; exit 1; }
	@mkdir -p $(@D) && cp wasm/worker/package.json wasm/worker/package-lock.json $(@D)/
	cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --silent
	@cp $< $@

vite: .cache/vite/installed-lock.json
.cache/vite/installed-lock.json: docs/examples/vite/package-lock.json
	@command -v npm >/dev/null || { echo "make: npm is not installed and is needed: on Debian, apt-get install npm" >&2; exit 1; }
	@mkdir -p $(@D) && cp docs/examples/vite/package.json docs/examples/vite/package-lock.json $(@D)/
	cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --silent
	@cp $< $@

worker-dev: worker workerd ## run the Worker on PORT, in workerd from npm: no account, no network
	$(GO) run ./wasm/worker/dev --addr 127.0.0.1:$(PORT)

check: toolchain ## the checks and tests that take under two minutes
	@GO='$(GO)' bash .ci/test check

test: toolchain ## everything CI runs, in under half an hour
	@GO='$(GO)' bash .ci/test

bench: site ## speed of kernels, network and page; how it grows, in bench-report/
	$(GO) test -run '^$$' -bench . -benchtime 200ms ./core/kernel ./core/infer
	bin/tweedie bench $(firstword $(MODELS))
	TWEEDIE_DIST='$(CURDIR)/dist' $(GO) test -run '^$$' -bench . -benchtime 5x ./wasm/...
	$(GO) run ./tools/bench growth -o bench-report

# make bench-peers ROWS=web1,native ROUNDS=5 ARGS=--json
bench-peers: build ## speed beside ONNX Runtime and PyTorch, in one table
	@$(GO) run ./tools/bench peers --rows '$(ROWS)' --rounds $(or $(ROUNDS),9) $(ARGS)

bench-memory: toolchain ## the peak of memory of converting 1 GB, for every kind of file and --quant: takes long, and 4 GB of disk
	$(GO) test ./tools/convert -run '^$$' -bench Memory -benchtime 1x -timeout 12h -checkpoint $(or $(MB),1024) $(ARGS)

# Every sampler at 5 to 1000 evaluations: some hours. It goes on where it was stopped.
compare: build ## distance to the digits against evaluations, all samplers, in docs/samplers/
	bin/tweedie data mnist -o .cache/data/mnist
	bin/tweedie compare weights/models/mnist.json .cache/data/mnist -o docs/samplers --guidance 1 --fast $(ARGS)

picture: site ## the pictures that README.md shows: docs/page.png, docs/inpaint.png, docs/lab.png
	$(GO) run ./tools/picture dist docs
	bin/tweedie lab --distribution ring --objective edm --train-steps 6000 --sampler heun --steps 20 -o docs/lab.png

generate: toolchain ## rewrite generated source files
	$(GO) generate ./...

golden: toolchain ## rewrite the golden files of tests, to be read as a diff
	TWEEDIE_GOLDEN=write $(GO) test ./core/... ./weights/...

fmt: toolchain ## format the Go sources
	"$$($(GO) env GOROOT)/bin/gofmt" -w $$(git ls-files --cached --others --exclude-standard '*.go')

clean: ## remove what was built
	rm -rf bin dist .cache bench-report
	rm -f $(BUILT)/*
