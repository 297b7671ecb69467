package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tweedie/tools/convert/internal/cmd/modelfile"
)

// TestStopped: a command that Ctrl-C stops ends with status 130, says so, and leaves
// nothing behind.
func TestStopped(t *testing.T) {
	model := toyModel(t)
	data := filepath.Dir(filepath.Dir(model))
	img := picture(t, 8, 8, func(x, y int) uint8 { return uint8(8*y + x) })
	page := t.TempDir() // which no build has to have made
	for _, name := range []string{"index.html", "tweedie.js", "worker.js", "tweedie.wasm", "tweedie-likelihood.wasm", "tweedie-pictures.wasm", "build-id"} {
		if err := os.WriteFile(filepath.Join(page, name), []byte("test"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range []string{
		"sample " + model + " -o OUT.png", "sample " + model, "inpaint " + model + " -o OUT.png --image " + img + " --mask " + img,
		"likelihood " + model + " " + data + " -n 4", "posterior " + model + " " + data + " -n 2 -o OUT.json",
		"convert " + model + " -o OUT.json", "convert " + model + " -o OUT.json --quant int4 --no-measure", "convert " + model + " -o OUT.json --quant mixed",
		"convert testdata/song.pt -o OUT.json --no-measure",
		"forward " + model + " --x testdata/song-x.npy --t testdata/song-t.npy -o OUT.npy",
		"train " + data + " -o OUT --arch tiny --steps 1000 --batch 4", "lab -n 10 --objective edm -o OUT.png",
		"eval " + model + " " + evalData() + " -n 4 --classifier OUT.json", "compare " + model + " " + evalData() + " -o OUT",
		"bench " + model + " --time 1s", "verify " + model, "site " + model + " -o OUT --page " + page,
	} {
		dir := t.TempDir()
		var stdout, stderr bytes.Buffer
		status := runContext(ctx, strings.Fields(strings.ReplaceAll(args, "OUT", filepath.Join(dir, "out"))), &stdout, &stderr)
		said := lastLine(strings.TrimPrefix(stderr.String(), modelfile.PortableNote))
		if status != stopped || !strings.HasSuffix(said, ": stopped") || stdout.Len() != 0 {
			t.Errorf("tweedie %s: status %d, stdout %q, stderr %q; want 130 and \": stopped\"", args, status, stdout.String(), stderr.String())
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 && !strings.HasPrefix(args, "train ") && !strings.HasPrefix(args, "compare ") {
			t.Errorf("tweedie %s: left %v", args, left)
		}
	}
}
