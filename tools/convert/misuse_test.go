package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tweedie/tools/convert/internal/cmd/modelfile"
)

// TestDamagedModels damages a model in every way and asks every command for it.
func TestDamagedModels(t *testing.T) {
	manifest, err := os.ReadFile(toyModel(t))
	if err != nil {
		t.Fatal(err)
	}
	shards, _ := filepath.Glob(filepath.Join(filepath.Dir(toyModel(t)), "model.000.*.zst"))
	shard, err := os.ReadFile(shards[0])
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(shard)
	flipped[len(flipped)/2] ^= 4
	for _, c := range []struct {
		name            string
		manifest, shard []byte
		want            string
	}{
		{"missing shard", manifest, nil, filepath.Base(shards[0])},
		{"truncated shard", manifest, shard[:100], "100"},
		{"flipped bit", manifest, flipped, "SHA-256"},
		{"truncated manifest", manifest[:50], shard, "corrupt"},
		{"not JSON", []byte("hello"), shard, "corrupt"},
		{"another file", []byte("{}"), shard, "format"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "model.json")
		os.WriteFile(path, c.manifest, 0o666)
		if c.shard != nil {
			os.WriteFile(filepath.Join(dir, filepath.Base(shards[0])), c.shard, 0o666)
		}
		for _, args := range [][]string{{"sample", path}, {"verify", path}, {"inspect", path}, {"bench", path}} {
			status, stdout, stderr := call(t, args...)
			if status != 1 || stdout != "" || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "goroutine") {
				t.Errorf("%s: %s: status %d, stdout %q, stderr %q, want 1 and %q", c.name, args[0], status, stdout, stderr, c.want)
			}
		}
	}
}

func TestMisuse(t *testing.T) {
	model := toyModel(t)
	for _, c := range []struct {
		args string
		want string
	}{
		{"smaple", `unknown command "smaple", did you mean sample?`},
		{"sample", "the arguments must be MODEL (got none)"},
		{"sample " + model + " --stepz 3", "unknown flag: --stepz"},
		{"sample " + model + " --steps 0", "--steps must be a whole number from 1 to 10000 (got 0)"},
		{"sample " + model + " --steps x", `--steps must be a whole number from 1 to 10000 (got "x")`},
		{"sample " + model + " --guidance NaN", `--guidance must be a number of at least 0 (got NaN)`},
		{"sample " + model + " --steps 0x10", `--steps must be a whole number from 1 to 10000 (got "0x10")`},
		{"sample " + model + " --fast=maybe", `--fast must be true or false (got "maybe")`},
		{"bench " + model + " --time soon", `--time must be a duration such as 90s or 2h (got "soon")`},
		{"bench " + model + " --batch 1,,2", `--batch must be whole numbers with commas between them (got "1,,2")`},
		{"train x -o y --background 256", `--background must be a whole number from 0 to 255 (got "256")`},
		{"help nothing", `unknown command "nothing"`},
		{"sample " + model + " --guidance -1", "--guidance must be a number of at least 0 (got -1)"},
		{"sample " + model + " --eta 2", "--eta must be a number from 0 to 1 (got 2)"},
		{"sample " + model + " -n 0", "--number must be a whole number from 1 to 1048576 (got 0)"},
		{"sample " + model + " --class 4", `--class must be one of 0, 1, 2 or 3 (got "4")`},
		{"sample " + model + " --class seven", `--class must be one of 0, 1, 2 or 3 (got "seven")`},
		{"sample " + model + " --class 1,,2", `--class must be one of 0, 1, 2 or 3 (got "")`},
		{"sample " + model + " --sampler magic", "--sampler must be one of dpmpp2m, ddim"},
		{"sample " + model + " --sampler lms --order 3 --steps 1", "--order must be at most the number of steps, 1 (got 3)"},
		{"sample " + model + " --sampler euler --corrector-steps 2", "--corrector-steps must be left out with sampler euler: only pc and annealed-langevin take it (got 2)"},
		{"sample " + model + " --schedule steep", "--schedule must be one of karras, linear"},
		{"sample " + model + " --workers -1", "--workers must be from 0 to 1024 (got -1)"},
		{"sample " + model + " --seed -1", "--seed must be a whole number"},
		{"sample " + model + " -o x.jpg", `-o must be a file name that ends in .png (got "x.jpg")`},
		{"inpaint " + model, "--image and --mask must both be given"},
		{"forward " + model, "--x, --t and -o are required"},
		{"data imagenet -o x", `unknown data set "imagenet": it must be one of mnist`},
		{"data mnist", "-o DIR is required"},
		{"train x -o y --arch huge", `--arch must be one of small, medium, base, tiny, ncsn (got "huge")`},
		{"train x -o y --size big", `--size must be one number such as 32, or height x width such as 16x8, each from 1 to 1024 (got "big")`},
		{"train x", "-o RUN is required"},
		{"train x -o y --finish", "--finish must be combined with --resume"},
		{"train x -o y --resume --finish --time 1h", "--finish must be combined with --resume, without --time and --steps"},
		{"train x -o y --time -1s", "--time must be more than 0, such as 45m or 3h (got -1s)"},
		{"train x -o y --time 1h --steps 3", "--time and --steps exclude each other"},
		{"train x -o y --augment mirror", `--augment must be auto, none, flip, shift or flip,shift (got "mirror")`},
		{"train x -o y --init m.json --arch tiny", "--arch cannot be combined with --init"},
		{"train x -o y --resume --init m.json", "--init cannot be combined with --resume"},
		{"site " + model, "-o DIR is required"},
		{"serve dist --addr 8080", `--addr must be host:port (got "8080")`},
		{"serve dist --gallery g.json", `--gallery requires --api (got "g.json")`},
		{"serve dist --api --max-gflop 0", "--max-gflop must be at least 1 (got 0)"},
		{"version now", `takes no arguments (got "now")`},
		{"bench " + model + " --batch 0", "--batch must be numbers from 1 to 4096 (got 0)"},
	} {
		status, stdout, stderr := call(t, strings.Fields(c.args)...)
		stderr = strings.TrimPrefix(stderr, modelfile.PortableNote)
		if status != 2 || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("tweedie %s: status %d, stdout %q, stderr %q; want 2 and one line with %q", c.args, status, stdout, stderr, c.want)
		}
	}
}

// TestServeTakesLimitsFromTheEnvironment, unless flags say otherwise: limits that cannot
// be used show which they were.
func TestServeTakesLimitsFromTheEnvironment(t *testing.T) {
	t.Setenv("TWEEDIE_MAX_GFLOP", "-7")
	t.Setenv("TWEEDIE_RATE", "-8")
	for _, c := range []struct{ args, want string }{
		{"serve dist --api", "--max-gflop must be at least 1 (got -7)"},
		{"serve dist --api --max-gflop 5", "--rate must be at least 0 (got -8)"},
	} {
		if status, _, stderr := call(t, strings.Fields(c.args)...); status != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: status %d, %s", c.args, status, stderr)
		}
	}
	t.Setenv("TWEEDIE_RATE", "many")
	if status, _, stderr := call(t, "serve", "dist", "--api"); status != 2 || !strings.Contains(stderr, `TWEEDIE_RATE in the environment must be a whole number (got "many")`) {
		t.Errorf("status %d, %s", status, stderr)
	}
}
