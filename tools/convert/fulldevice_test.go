package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFullDevice: a command whose output could not be written fails.
func TestFullDevice(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full here")
	}
	defer full.Close()
	model := toyModel(t)
	data := filepath.Dir(filepath.Dir(model))
	img := picture(t, 8, 8, func(x, y int) uint8 { return uint8(8*y + x) })
	site := t.TempDir()
	if err := os.WriteFile(filepath.Join(site, "build.json"), []byte(`{"build":"x"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"--version", "--help", "help sample", "sample --help", "completion bash", "version", "version --json",
		"sample " + model + " --steps 1", "sample " + model + " --steps 1 --json",
		"inpaint " + model + " --steps 1 --image " + img + " --mask " + img,
		"inspect " + model, "inspect " + model + " --json", "inspect testdata/song.pt", "verify " + model, "verify " + model + " --json",
		"bench " + model + " --time 1ms --batch 1", "bench " + model + " --time 1ms --batch 1 --ops",
		"likelihood " + model + " " + data + " -n 1 --steps 1",
		"posterior " + model + " " + data + " -n 1 --levels 2 -o " + filepath.Join(t.TempDir(), "p.json"),
		"convert " + model + " -o " + filepath.Join(t.TempDir(), "c.json"), "export " + model + " -o " + t.TempDir(),
		"train " + data + " --print", "train " + data + " --steps 1 --batch 4 --arch tiny --json -o " + filepath.Join(t.TempDir(), "run"),
		"lab -n 10 --steps 1", "serve " + site + " --addr 127.0.0.1:0", "serve " + site + " --addr 127.0.0.1:0 --json",
		"eval " + model + " " + evalData() + " -n 4 --steps 1 --classifier-steps 3 --classifier " + filepath.Join(evalData(), "classifier.json"),
	} {
		var stderr bytes.Buffer
		if status := run(strings.Fields(args), full, &stderr); status != 1 || !strings.Contains(stderr.String(), "no space left on device") {
			t.Errorf("tweedie %s: status %d, %q, want 1 and that there is no space", args, status, stderr.String())
		}
	}
}
