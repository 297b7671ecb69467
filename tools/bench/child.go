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

// child is a peer in a process of its own: it answers every line with a line of JSON.
type child struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// start runs a program in a folder. What it says on standard error is passed on.
func start(ctx context.Context, dir, program string, args ...string) (*child, error) {
	c := &child{name: program, cmd: exec.CommandContext(ctx, program, args...)}
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
func (c *child) ask(line string, answer any) error {
	if _, err := fmt.Fprintln(c.in, line); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	text, err := c.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s: ended before it answered %q: %w", c.name, line, err)
	}
	return json.Unmarshal(text, answer)
}

// turn is the child as a contestant.
func (c *child) turn(_ context.Context, least time.Duration) (times []float64, err error) {
	return times, c.ask(fmt.Sprint(least.Milliseconds()), &times)
}

// close ends the process by ending its input.
func (c *child) close() {
	c.in.Close()
	c.cmd.Wait()
}
