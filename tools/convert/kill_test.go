package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"tweedie/core/model"
	"tweedie/weights"
)

// TestKilled kills conversions that replace a model when they have written a part of it:
// the old model stays whole until the new one is.
func TestKilled(t *testing.T) {
	in, dir := largeFolder(t, 4<<20), t.TempDir()
	out := filepath.Join(dir, "m.json")
	must(t, "convert", in, "-o", out, "--quant", "int4", "--no-measure")
	old, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	saved := t.TempDir()
	if err := os.CopyFS(filepath.Join(saved, "old"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start := func() *exec.Cmd {
		cmd := exec.Command(self, "convert", in, "-o", out, "--quant", "f16", "--no-measure")
		cmd.Env = append(os.Environ(), asCommand+"="+filepath.Join(t.TempDir(), "peak"))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	whole := func() []byte {
		t.Helper()
		f, err := weights.Open(out)
		if err == nil {
			_, err = model.Open(f)
		}
		if err != nil {
			t.Fatalf("after a kill: %v", err)
		}
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	// size returns the bytes of all files in dir, those under way too.
	size := func() (n int64) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil { // else it is gone
				n += info.Size()
			}
		}
		return n
	}
	before := size()
	if err := start().Wait(); err != nil {
		t.Fatal(err)
	}
	written := size()
	want := whole()
	if bytes.Equal(old, want) {
		t.Fatal("the other model is the same")
	}
	kept, replaced := 0, 0
	for _, part := range []int64{0, 1, 30, 60, 90, 100} { // percent
		if err := errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(filepath.Join(saved, "old")))); err != nil {
			t.Fatal(err)
		}
		cmd := start()
		ended := make(chan struct{})
		go func() {
			cmd.Wait()
			close(ended)
		}()
		for running := true; running && size() < before+part*written/100; {
			select {
			case <-ended:
				running = false
			case <-time.After(time.Millisecond):
			}
		}
		cmd.Process.Kill() // SIGKILL
		<-ended
		switch got := whole(); {
		case bytes.Equal(got, old):
			kept++
		case bytes.Equal(got, want):
			replaced++
		default:
			t.Error("neither the old manifest nor the new one stands there")
		}
	}
	t.Logf("the old model stayed %d times, the new one took its place %d times", kept, replaced)
	if kept == 0 {
		t.Error("nothing was killed in time")
	}
}
