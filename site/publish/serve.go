package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"tweedie/weights"
)

// Serve serves the site in dir, as Run does, also to scripts of pages of other origins: see
// AllowOrigins. It is an error if dir is not a site.
func Serve(ctx context.Context, dir, addr string, origins []string, ready func(url string)) error {
	handler, err := Handler(dir)
	if err != nil {
		return err
	}
	defer handler.Close()
	return Run(ctx, &http.Server{Handler: AllowOrigins(origins, handler), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}, addr, 5*time.Second, ready)
}

// Run runs a server on addr (host:port, port 0 for any free port) until ctx ends. Then it
// waits for open requests to finish, at most for grace. It calls ready with the server's
// URL once it listens. It is an error if the port is taken.
func Run(ctx context.Context, server *http.Server, addr string, grace time.Duration, ready func(url string)) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return listenError(addr, err)
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	ready("http://" + listener.Addr().String() + "/")
	select {
	case err := <-failed:
		return fmt.Errorf("publish: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return fmt.Errorf("publish: shutting down: %w", errors.Join(err, server.Close()))
	}
	return nil
}

// listenError explains the failures that the user can correct.
func listenError(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("publish: address %q: the port is taken by another program: choose another with --addr, or with PORT= for make", addr)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("publish: address %q: no permission for this port: choose a port of at least 1024 with --addr", addr)
	}
	return fmt.Errorf("publish: address %q: %w", addr, err)
}

// Site is an http.Handler that serves the folder of a site, and no file outside it, also
// not through links.
type Site struct {
	root  *os.Root
	build string

	mu     sync.Mutex
	hashes map[string]fileHash // by name
}

// fileHash is the SHA-256 of a file with a certain size and time.
type fileHash struct {
	size int64
	mod  time.Time
	hash string
}

// Handler returns a handler for the site in dir, which the caller closes. It is an error
// if dir is not a site.
func Handler(dir string) (*Site, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	data, err := root.ReadFile("build.json")
	var info struct{ Build string }
	if err == nil {
		err = json.Unmarshal(data, &info)
	}
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("publish: %q is not a site that tweedie site made: %w", dir, err)
	}
	return &Site{root: root, build: info.Build, hashes: map[string]fileHash{}}, nil
}

// Close closes the folder.
func (s *Site) Close() error { return s.root.Close() }

// ServeHTTP answers GET and HEAD with a file, its media type, an ETag that is a hash of
// what is sent, ranges, and brotli or gzip if the client accepts it and a compressed copy
// exists.
// Clients revalidate files each time, except shards and files that are requested with ?v=
// and the build id, which never change.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the method must be GET or HEAD (got "+r.Method+")", http.StatusMethodNotAllowed)
		return
	}
	name, ok := fileName(r.URL.Path)
	kind := extensions[path.Ext(name)]
	if !ok || kind == "" {
		notFound(w, r)
		return
	}
	send, encoding := s.encoded(name, r.Header.Values("Accept-Encoding"))
	f, err := s.root.Open(send)
	if err != nil {
		notFound(w, r)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		notFound(w, r)
		return
	}
	hash, err := s.hash(send, f, info)
	if err != nil {
		http.Error(w, "the file could not be read", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Add("Vary", "Accept-Encoding")
	h.Set("ETag", `"`+hash+`"`)
	h.Set("Cache-Control", "no-cache")
	if neverChanges(name) || s.build != "" && r.URL.Query().Get("v") == s.build {
		h.Set("Cache-Control", forever)
	}
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
		// ServeContent leaves the length out of encoded answers.
		h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	}
	http.ServeContent(w, r, "", time.Time{}, f)
}

// encoded returns the file to send for a file of the site, itself or a compressed copy, and
// its content coding.
func (s *Site) encoded(name string, accept []string) (send, encoding string) {
	suffixes := map[string]string{}
	var offered []string
	for _, coding := range codings {
		if _, err := s.root.Stat(name + coding.suffix); err == nil {
			offered = append(offered, coding.name)
			suffixes[coding.name] = coding.suffix
		}
	}
	encoding = Encoding(accept, offered...)
	return name + suffixes[encoding], encoding
}

// neverChanges reports whether the name of a file contains a hash of its bytes, as those of
// shards do: NAME.NNN.HHHHHHHH.safetensors.zst.
func neverChanges(name string) bool {
	stem, ok := strings.CutSuffix(name, weights.ShardSuffix)
	i := strings.LastIndexByte(stem, '.')
	if !ok || len(stem)-i-1 != 8 {
		return false
	}
	_, err := hex.DecodeString(stem[i+1:])
	return err == nil
}

// fileName returns the name of the file of a URL path.
func fileName(urlPath string) (string, bool) {
	name := strings.TrimPrefix(path.Clean("/"+urlPath), "/")
	if name == "" || strings.HasSuffix(urlPath, "/") {
		name = path.Join(name, "index.html")
	}
	for element := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(element, ".") {
			return "", false
		}
	}
	return name, true
}

func notFound(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "no file "+strconv.QuoteToASCII(r.URL.Path)+" on this site", http.StatusNotFound)
}

// hash returns the SHA-256 of the file f, cached until the file changes.
func (s *Site) hash(name string, f io.ReadSeeker, info os.FileInfo) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.hashes[name]; ok && known.size == info.Size() && known.mod.Equal(info.ModTime()) {
		return known.hash, nil
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	hash := hex.EncodeToString(sum.Sum(nil)[:16])
	s.hashes[name] = fileHash{info.Size(), info.ModTime(), hash}
	return hash, nil
}
