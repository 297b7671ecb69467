// Tweedie trains diffusion models, samples and inpaints with them, and turns
// them into static pages on which anybody does the same in the browser.
//
//	tweedie data mnist -o data/mnist
//	tweedie train data/mnist -o runs/mnist
//	tweedie sample weights/models/mnist.json -o digits.png --class 3 -n 16
//	tweedie site weights/models/mnist.json -o dist
//	tweedie serve dist
//
// tweedie COMMAND --help describes each command.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"tweedie/tools/convert/internal/cmd"
	"tweedie/tools/convert/internal/cmd/flags"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main without the process around it, so that tests can call it.
// It returns the exit status: 0 done, 1 failed, 2 misused, 130 stopped.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second Ctrl-C ends the process at once.
	context.AfterFunc(ctx, stop)
	return runContext(ctx, args, stdout, stderr)
}

// stopped is the exit status of a command that Ctrl-C or SIGTERM ended: 128 and the number
// of the signal SIGINT, as shells report it.
const stopped = 130

// runContext is run until ctx ends.
func runContext(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := cmd.New()
	root.SetArgs(args)
	out := &standardOutput{Writer: stdout}
	root.SetOut(out)
	root.SetErr(stderr)
	called, err := root.ExecuteContextC(ctx)
	if err == nil && out.err != nil {
		err = fmt.Errorf("writing to standard output failed: %w", out.err)
	}
	var wrong *flags.Misuse
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "%s: %v (see %s --help)\n", called.CommandPath(), err, called.CommandPath())
		return 2
	case ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))):
		fmt.Fprintf(stderr, "%s: stopped\n", called.CommandPath())
		return stopped
	}
	fmt.Fprintf(stderr, "%s: %v\n", called.CommandPath(), err)
	return 1
}

// standardOutput remembers the first error of writing to it, so that a command whose output
// was lost does not end with success.
type standardOutput struct {
	io.Writer
	err error
}

func (o *standardOutput) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if o.err == nil {
		o.err = err
	}
	return n, err
}
