package workerd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// Options are the settings of Start.
type Options struct {
	Program  string    // path of workerd; see Find
	Settings *Settings // of the Worker
	Address  string    // host:port to listen on; port 0 means any free port
	Log      io.Writer // output of the Worker
	Entry    string    // an ES module to use as the entry point instead of the Worker's; "" for none
	Gallery  bool      // binds GALLERY, a KV namespace in memory
}

// Server is a running Worker.
type Server struct {
	URL string // ends in a slash

	command  *exec.Cmd
	platform *platform
	close    []func()
	ended    chan error
}

// Find returns the program workerd that npm has installed in folder, or else one that is in
// PATH.
func Find(folder string) (string, error) {
	found, err := filepath.Glob(filepath.Join(folder, "node_modules", "@cloudflare", "workerd-*", "bin", "workerd"))
	if err == nil && len(found) > 0 {
		return filepath.Abs(found[0])
	}
	if program, err := exec.LookPath("workerd"); err == nil {
		return program, nil
	}
	return "", fmt.Errorf("workerd: not installed in %q: run make workerd", folder)
}

// Start runs the Worker until ctx ends or Close is called. It returns when the Worker accepts
// requests.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	s := &Server{platform: newPlatform(), ended: make(chan error, 1)}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	files, err := newStatic(o.Settings.Site())
	if err != nil {
		return nil, err
	}
	site, err := s.serve(files)
	if err != nil {
		return nil, err
	}
	cloud, err := s.serve(s.platform)
	if err != nil {
		return nil, err
	}
	gallery := ""
	if o.Gallery {
		if gallery, err = s.serve(&namespace{metadata: map[string]string{}}); err != nil {
			return nil, err
		}
	}
	config, err := s.configure(o, services{site, cloud, gallery})
	if err != nil {
		return nil, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("workerd: %w", err)
	}
	defer reader.Close()
	s.command = exec.CommandContext(ctx, o.Program, "serve", config, "--control-fd=3")
	s.command.Stdout, s.command.Stderr, s.command.ExtraFiles = o.Log, o.Log, []*os.File{writer}
	s.command.WaitDelay = 5 * time.Second
	err = s.command.Start()
	writer.Close()
	if err != nil {
		s.command = nil
		return nil, fmt.Errorf("workerd: %w", err)
	}
	go func() { s.ended <- s.command.Wait() }()
	host, _, err := net.SplitHostPort(o.Address)
	if err != nil {
		return nil, fmt.Errorf("workerd: address: %w", err)
	}
	port, err := listening(reader)
	if err != nil {
		return nil, err
	}
	s.URL = "http://" + net.JoinHostPort(host, port) + "/"
	return s, nil
}

// listening returns the port on which workerd reports that it listens.
func listening(control io.Reader) (string, error) {
	for lines := bufio.NewScanner(control); lines.Scan(); {
		var event struct {
			Event, Socket string
			Port          int
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err == nil && event.Event == "listen" && event.Socket == "http" {
			return fmt.Sprint(event.Port), nil
		}
	}
	return "", errors.New("workerd: the runtime ended before it accepted requests")
}

// serve runs a handler on a local port and returns its address.
func (s *Server) serve(handler http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("workerd: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go server.Serve(listener)
	s.close = append(s.close, func() { server.Close() })
	return listener.Addr().String(), nil
}

// services are the addresses of the services that the Worker is bound to; "" for none.
type services struct{ site, platform, gallery string }

// configure writes the configuration of workerd to a folder with links to the Worker's modules,
// and returns its path.
func (s *Server) configure(o Options, to services) (string, error) {
	folder, err := os.MkdirTemp("", "tweedie-workerd-")
	if err != nil {
		return "", fmt.Errorf("workerd: %w", err)
	}
	s.close = append(s.close, func() { os.RemoveAll(folder) })
	build, err := filepath.Abs(o.Settings.Build())
	if err != nil {
		return "", fmt.Errorf("workerd: %w", err)
	}
	entries, err := os.ReadDir(build)
	if err != nil {
		return "", fmt.Errorf("workerd: the Worker is not built, run make worker: %w", err)
	}
	main := filepath.Base(o.Settings.Main)
	modules := []string{main} // the entry comes first
	if o.Entry != "" {
		entry, err := filepath.Abs(o.Entry)
		if err == nil {
			err = os.Symlink(entry, filepath.Join(folder, filepath.Base(entry)))
		}
		if err != nil {
			return "", fmt.Errorf("workerd: %w", err)
		}
		modules = []string{filepath.Base(entry), main}
	}
	for _, e := range entries {
		if err := os.Symlink(filepath.Join(build, e.Name()), filepath.Join(folder, e.Name())); err != nil {
			return "", fmt.Errorf("workerd: %w", err)
		}
		if kind := filepath.Ext(e.Name()); e.Name() != main && slices.Contains([]string{".js", ".mjs", ".wasm"}, kind) {
			modules = append(modules, e.Name())
		}
	}
	path := filepath.Join(folder, "config.capnp")
	text := o.Settings.capnp(modules, o.Address, to)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		return "", fmt.Errorf("workerd: %w", err)
	}
	return path, nil
}

// Wait returns when the Worker has ended, with the reason.
func (s *Server) Wait() error {
	err := <-s.ended
	s.ended <- err
	return err
}

// Process returns the process id of the runtime.
func (s *Server) Process() int { return s.command.Process.Pid }

// Forget clears the pictures in the cache, in the bucket, or both.
func (s *Server) Forget(cache, bucket bool) { s.platform.forget(cache, bucket) }

// Kept returns the number of pictures in the cache and in the bucket whose addresses contain
// part.
func (s *Server) Kept(part string) (cached, stored int) { return s.platform.count(part) }

// Close stops the Worker and the services that it is bound to.
func (s *Server) Close() {
	if s.command != nil {
		s.command.Process.Kill()
		s.Wait()
	}
	for _, end := range s.close {
		end()
	}
}
