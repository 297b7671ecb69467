// Bench measures Tweedie: against other runtimes, and how its cost grows with the work.
//
//	bench peers    the same networks in ONNX Runtime and PyTorch, in turns
//	bench growth   time and memory as batch, resolution and channels grow
//
// Run it in the module's root with make bench-peers and make bench, which build bin/tweedie
// first.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main without the process around it. It returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{Use: "bench", Short: "Measure Tweedie", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(newPeers(), newGrowth())
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	return 0
}
