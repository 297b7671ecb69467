package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	source = "tools/bench"
	python = "/usr/bin/python3" // Debian's Python, for which python3-torch is installed
)

// environment is the place of everything that a comparison needs.
type environment struct {
	work     string    // folder of installed packages and exported networks, not committed
	chromium string    // the browser
	log      io.Writer // progress
}

// newEnvironment installs what is missing: onnxruntime from npm, with the version and hash in
// package-lock.json, and, if run as root with apt, Chromium, Node and PyTorch. It exports the
// networks, imports them and builds a site of them. Without root the error names the missing
// package.
func newEnvironment(ctx context.Context, work string, log io.Writer) (*environment, error) {
	r := &environment{work: work, log: log}
	if err := os.MkdirAll(work, 0o777); err != nil {
		return nil, err
	}
	var err error
	if r.chromium = os.Getenv("TWEEDIE_CHROMIUM"); r.chromium == "" {
		if r.chromium, err = r.findProgram(ctx, "chromium", "chromium", "chromium-browser", "google-chrome"); err != nil {
			return nil, err
		}
	}
	for _, program := range [][2]string{{"node", "nodejs"}, {"npm", "npm"}} {
		if _, err := r.findProgram(ctx, program[0], program[1]); err != nil {
			return nil, err
		}
	}
	if exec.CommandContext(ctx, python, "-c", "import torch").Run() != nil {
		if err := r.apt(ctx, "python3-torch"); err != nil {
			return nil, err
		}
	}
	if err := r.cachedStep(ctx, "npm", []string{"package.json", "package-lock.json"}, r.installPeers); err != nil {
		return nil, err
	}
	sources := []string{"export.py", "networks.py", "../../core/unet/testdata/unet2d.py", "../../core/unet/testdata/make.py", "../../weights/FORMAT.md"}
	if err := r.cachedStep(ctx, "networks", sources, r.export); err != nil {
		return nil, err
	}
	return r, r.build(ctx)
}

// findProgram returns the path of a program, and installs the package that contains it if it is
// missing.
func (r *environment) findProgram(ctx context.Context, program, pkg string, others ...string) (string, error) {
	for _, name := range append([]string{program}, others...) {
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	if err := r.apt(ctx, pkg); err != nil {
		return "", err
	}
	return exec.LookPath(program)
}

// apt installs a Debian package if run as root.
func (r *environment) apt(ctx context.Context, pkg string) error {
	if _, err := exec.LookPath("apt-get"); err != nil || os.Getuid() != 0 {
		return fmt.Errorf("%s is not installed: install it, on Debian with apt-get install %s", pkg, pkg)
	}
	if err := r.run(ctx, "", "apt-get", "update", "-qq"); err != nil {
		return err
	}
	return r.run(ctx, "", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends", pkg)
}

// cachedStep runs a step unless it was run with the same sources, which are files of this
// folder.
func (r *environment) cachedStep(ctx context.Context, name string, sources []string, do func(context.Context) error) error {
	sum := sha256.New()
	for _, file := range sources {
		data, err := os.ReadFile(filepath.Join(source, file))
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n%s", file, len(data), data)
	}
	stamp, hash := filepath.Join(r.work, name+".done"), hex.EncodeToString(sum.Sum(nil))
	if done, err := os.ReadFile(stamp); err == nil && string(done) == hash {
		return nil
	}
	if err := do(ctx); err != nil {
		return err
	}
	return os.WriteFile(stamp, []byte(hash), 0o666)
}

func (r *environment) installPeers(ctx context.Context) error {
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join(source, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(r.work, name), data, 0o666)
		}
		if err != nil {
			return err
		}
	}
	return r.run(ctx, r.work, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
}

func (r *environment) export(ctx context.Context) error {
	if err := r.run(ctx, "", python, filepath.Join(source, "export.py"), r.work); err != nil {
		return err
	}
	for _, name := range networks {
		if err := r.run(ctx, "", "bin/tweedie", "convert", filepath.Join(r.work, name), "-o", r.model(name)); err != nil {
			return err
		}
	}
	return r.run(ctx, "", "bin/tweedie", "convert", r.model("cifar10"), "-o", r.model("cifar10-int8"), "--name", "cifar10-int8", "--quant", "int8", "--no-measure")
}

// build builds the site of the networks and the program that profiles in the browser.
func (r *environment) build(ctx context.Context) error {
	site := []string{"site", "-o", filepath.Join(r.work, "dist")}
	for _, name := range append([]string{"cifar10-int8"}, networks...) {
		site = append(site, r.model(name))
	}
	if err := r.run(ctx, "", "bin/tweedie", site...); err != nil {
		return err
	}
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	if err := r.run(ctx, "", "cp", filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"), r.work); err != nil {
		return err
	}
	program := filepath.Join(r.work, "profile.wasm")
	if err := r.run(ctx, "", "env", "GOOS=js", "GOARCH=wasm", "go", "build", "-trimpath", "-o", program, "./"+source+"/wasm"); err != nil {
		return err
	}
	return r.run(ctx, "", "go", "run", "./tools/wasmopt", program)
}

// model returns the path of the manifest that tweedie convert wrote for a network.
func (r *environment) model(name string) string { return filepath.Join(r.work, "models", name+".json") }

// run runs a program to its end. Its output is shown only if it fails.
func (r *environment) run(ctx context.Context, dir, program string, args ...string) error {
	fmt.Fprintf(r.log, "%s %s\n", filepath.Base(program), args[0])
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%s", program, args, err, bytes.TrimSpace(out))
	}
	return nil
}
