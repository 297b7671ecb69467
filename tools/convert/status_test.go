package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tweedie"
	"tweedie/tools/convert/internal/cmd"
)

// TestExitStatuses: a command ends with the status that tweedie --help and docs/commands.md
// say, whatever the command.
func TestExitStatuses(t *testing.T) {
	docs, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"--help": must(t, "--help"), "help": must(t, "help"), "docs/commands.md": string(docs)} {
		const want = "Exit status: 0 success, 1 failure, 2 wrong use of the command line, 130 stopped by Ctrl-C or SIGTERM."
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("%s does not say: %s", name, want)
		}
	}
	for _, c := range cmd.New().Commands() {
		if status, _, stderr := call(t, c.Name(), "--help"); status != 0 {
			t.Errorf("%s --help: status %d, %s", c.Name(), status, stderr)
		}
		if status, stdout, stderr := call(t, c.Name(), "--no-such-flag"); status != 2 || stdout != "" || !strings.Contains(stderr, "--no-such-flag") {
			t.Errorf("%s --no-such-flag: status %d, stdout %q, stderr %q", c.Name(), status, stdout, stderr)
		}
	}
	missing := filepath.Join(t.TempDir(), "missing.json")
	for _, args := range []string{"verify", "inspect", "sample", "export -o x", "site -o x", "likelihood x", "bench", "serve", "convert -o x.json"} {
		words := strings.Fields(args)
		args := append([]string{words[0], missing}, words[1:]...)
		if status, stdout, stderr := call(t, args...); status != 1 || stdout != "" || !strings.HasPrefix(lastLine(stderr), "tweedie "+words[0]+": ") {
			t.Errorf("%q: status %d, stdout %q, stderr %q", args, status, stdout, stderr)
		}
	}
}

func TestVersion(t *testing.T) {
	want := must(t, "version")
	if !strings.HasPrefix(want, "tweedie "+tweedie.Version+", ") {
		t.Errorf("version prints %q", want)
	}
	if got := must(t, "--version"); got != want {
		t.Errorf("--version prints %q, version %q", got, want)
	}
}

// TestServeStops: Ctrl-C is how serve ends, so that it is no failure.
func TestServeStops(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "build.json"), []byte(`{"build":"x"}`), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"serve", dir, "--addr", "127.0.0.1:0"}, {"serve", dir, "--addr", "127.0.0.1:0", "--cors", "https://a.example,http://b.example:8080"}} {
		ctx, cancel := context.WithCancel(t.Context())
		var stderr bytes.Buffer
		status := runContext(ctx, args, writerFunc(func(p []byte) (int, error) { // it says where it listens
			cancel()
			return len(p), nil
		}), &stderr)
		if status != 0 || stderr.Len() > 0 {
			t.Errorf("%q: status %d, stderr %q", args, status, stderr.String())
		}
	}
	for _, args := range [][]string{{"serve", dir, "--cors", "a.example"}, {"serve", dir, "--cors", "https://a.example/"}, {"site", "x.json", "-o", "x", "--cors", ""}, {"site", "x.json", "-o", "x", "--cors", "https://a.example,https://b.example"}} {
		if status, _, stderr := call(t, args...); status != 2 || !strings.Contains(stderr, "--cors: an origin must be * or a scheme and a host") {
			t.Errorf("%q: status %d, stderr %q", args, status, stderr)
		}
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
