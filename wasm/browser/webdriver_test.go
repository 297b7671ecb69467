//go:build !js

package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// remote is a browser controlled by W3C WebDriver commands. It has one tab: opening a page
// replaces the previous one.
type remote struct {
	// call sends a command, named as in the standard, with its parameters.
	call func(command string, parameters map[string]any) error
}

func (r remote) open(url string) (tab, error) {
	r.close() // otherwise a page whose address differs only after # would not be reloaded
	return r, r.call("Navigate", map[string]any{"url": url})
}

func (r remote) eval(script string) error {
	return r.call("ExecuteScript", map[string]any{"script": script, "args": []any{}})
}

func (r remote) close() { r.call("Navigate", map[string]any{"url": "about:blank"}) }

// timeouts are the browser's time limits in milliseconds.
var timeouts = map[string]any{"script": patience.Milliseconds(), "pageLoad": patience.Milliseconds()}

// begin starts a program that is ended when the tests end.
func begin(env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		return err
	}
	closers = append(closers, func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	return nil
}

// home makes a folder for a browser's profile, which is removed when the tests end.
func home(name string) (string, error) {
	dir, err := os.MkdirTemp("", "tweedie-"+name+"-")
	closers = append(closers, func() { os.RemoveAll(dir) })
	return dir, err
}

// eventually retries for some minutes until it succeeds.
func eventually(try func() error) (err error) {
	for range 1000 {
		if err = try(); err == nil {
			return nil
		}
		time.Sleep(200 * time.Millisecond)
	}
	return err
}

// startFirefox starts Firefox, which speaks WebDriver over its Marionette protocol:
// messages of JSON after their length, [0, id, command, parameters] there and
// [1, id, error, result] back.
func startFirefox() (browser, error) {
	path, err := program("TWEEDIE_FIREFOX", "firefox-esr", "firefox-esr", "firefox")
	if err != nil {
		return nil, err
	}
	dir, err := home("firefox")
	if err != nil {
		return nil, err
	}
	// Marionette takes a free port and writes it to a file. The previous page is not cached.
	const preferences = "user_pref('marionette.port', 0);\nuser_pref('browser.sessionhistory.max_total_viewers', 0);\n"
	if err := os.WriteFile(filepath.Join(dir, "user.js"), []byte(preferences), 0o666); err != nil {
		return nil, err
	}
	if err := begin([]string{"HOME=" + dir}, path, "--headless", "--no-remote", "--profile", dir, "--marionette"); err != nil {
		return nil, err
	}
	var connection net.Conn
	err = eventually(func() error {
		port, err := os.ReadFile(filepath.Join(dir, "MarionetteActivePort"))
		if err == nil {
			connection, err = net.Dial("tcp", "127.0.0.1:"+strings.TrimSpace(string(port)))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("firefox does not listen: %w", err)
	}
	closers = append(closers, func() { connection.Close() })
	in, id := bufio.NewReader(connection), 0
	receive := func() ([]byte, error) {
		length, err := in.ReadString(':')
		if err != nil {
			return nil, err
		}
		n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
		if err != nil {
			return nil, err
		}
		data := make([]byte, n)
		_, err = io.ReadFull(in, data)
		return data, err
	}
	if _, err := receive(); err != nil { // the greeting
		return nil, err
	}
	r := remote{func(command string, parameters map[string]any) error {
		id++
		message, err := json.Marshal([]any{0, id, "WebDriver:" + command, parameters})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(connection, "%d:%s", len(message), message); err != nil {
			return err
		}
		data, err := receive()
		if err != nil {
			return err
		}
		var answer [4]any
		if err := json.Unmarshal(data, &answer); err != nil {
			return fmt.Errorf("%w in %s", err, data)
		}
		if answer[2] != nil {
			return fmt.Errorf("firefox: %s: %v", command, answer[2])
		}
		return nil
	}}
	return r, r.call("NewSession", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{"timeouts": timeouts}}})
}

// startDisplay starts an X server without a screen and returns its display.
func startDisplay() (string, error) {
	path, err := program("TWEEDIE_XVFB", "xvfb", "Xvfb")
	if err != nil {
		return "", err
	}
	cmd := exec.Command(path, "-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	closers = append(closers, func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	number, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("xvfb does not start: %w", err)
	}
	return ":" + strings.TrimSpace(number), nil
}

// startWebKit starts WebKitGTK's small browser below its driver, which speaks WebDriver
// over HTTP, on its own display.
func startWebKit() (browser, error) {
	driver, err := program("TWEEDIE_WEBKIT_DRIVER", "webkit2gtk-driver", "WebKitWebDriver")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, pattern := range []string{"/usr/lib/*/webkit2gtk-4.*/MiniBrowser", "/usr/lib*/webkit2gtk-4.*/MiniBrowser", "/usr/libexec/webkit2gtk-4.*/MiniBrowser"} {
		names, _ := filepath.Glob(pattern)
		found = append(found, names...)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no MiniBrowser found: install the Debian package webkit2gtk-driver")
	}
	dir, err := home("webkit")
	if err != nil {
		return nil, err
	}
	display, err := startDisplay()
	if err != nil {
		return nil, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	env := []string{"HOME=" + dir, "DISPLAY=" + display, "LIBGL_ALWAYS_SOFTWARE=1"}
	if os.Getuid() == 0 {
		env = append(env, "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1")
	}
	if err := begin(env, driver, fmt.Sprintf("--port=%d", port)); err != nil {
		return nil, err
	}
	base := fmt.Sprintf("http://127.0.0.1:%d/session", port)
	post := func(url string, body, result any) error {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		r, err := http.Post(url, "application/json", bytes.NewReader(data))
		if err != nil {
			return err
		}
		defer r.Body.Close()
		if data, err = io.ReadAll(r.Body); err != nil {
			return err
		}
		if r.StatusCode != 200 {
			return fmt.Errorf("webkit: %s: %s", r.Status, data)
		}
		return json.Unmarshal(data, result)
	}
	var session struct{ Value struct{ SessionID string } }
	options := map[string]any{"binary": found[0], "args": []string{"--automation"}}
	capabilities := map[string]any{"alwaysMatch": map[string]any{"browserName": "MiniBrowser", "webkitgtk:browserOptions": options, "timeouts": timeouts}}
	if err := eventually(func() error { return post(base, map[string]any{"capabilities": capabilities}, &session) }); err != nil {
		return nil, fmt.Errorf("webkit does not start: %w", err)
	}
	base += "/" + session.Value.SessionID
	closers = append(closers, func() {
		if r, err := http.NewRequest("DELETE", base, nil); err == nil {
			if answer, err := http.DefaultClient.Do(r); err == nil {
				answer.Body.Close()
			}
		}
	})
	return remote{func(command string, parameters map[string]any) error {
		var ignored any
		return post(base+map[string]string{"Navigate": "/url", "ExecuteScript": "/execute/sync"}[command], parameters, &ignored)
	}}, nil
}
