package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// process is a peer in its own process. It answers every line of input with a line of JSON.
type process struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// start runs a program in a folder. Its standard error is passed on.
func start(ctx context.Context, dir, program string, args ...string) (*process, error) {
	c := &process{name: program, cmd: exec.CommandContext(ctx, program, args...)}
	c.cmd.Dir, c.cmd.Stderr = dir, os.Stderr
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.out = in, bufio.NewReader(out)
	return c, c.cmd.Start()
}

// ask writes a line and decodes the answer.
func (c *process) ask(line string, answer any) error {
	if _, err := fmt.Fprintln(c.in, line); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	text, err := c.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s: no answer to %q: %w", c.name, line, err)
	}
	return json.Unmarshal(text, answer)
}

// turn implements participant.
func (c *process) turn(_ context.Context, least time.Duration) (times []float64, err error) {
	return times, c.ask(fmt.Sprint(least.Milliseconds()), &times)
}

// close ends the process by closing its input.
func (c *process) close() {
	c.in.Close()
	c.cmd.Wait()
}
