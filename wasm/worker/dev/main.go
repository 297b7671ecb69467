// Command dev runs the Worker on this machine, for make worker-dev: no account, no
// network. It ends on Ctrl-C.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"tweedie/wasm/internal/workerd"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main without the process around it. It returns the exit status: 0 done, 1
// failed, 2 misused.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("dev", flag.ContinueOnError)
	flags.SetOutput(stderr)
	settings := flags.String("settings", "wasm/worker/wrangler.jsonc", "the Worker's settings")
	install := flags.String("workerd", ".cache/workerd", "folder in which npm has installed workerd")
	address := flags.String("addr", "127.0.0.1:8787", "address to listen on, host:port")
	gallery := flags.Bool("gallery", false, "bind GALLERY, which is forgotten when this ends")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *settings, *install, *address, *gallery, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "dev:", err)
		return 1
	}
	return 0
}

// serve runs the Worker until ctx ends.
func serve(ctx context.Context, settings, install, address string, gallery bool, stdout, log io.Writer) error {
	program, err := workerd.Find(install)
	if err != nil {
		return err
	}
	s, err := workerd.ReadSettings(settings)
	if err != nil {
		return err
	}
	server, err := workerd.Start(ctx, workerd.Options{Program: program, Settings: s, Address: address, Log: log, Gallery: gallery})
	if err != nil {
		return err
	}
	defer server.Close()
	fmt.Fprintf(stdout, "the Worker and %s on %s\n", s.Site(), server.URL)
	if err := server.Wait(); ctx.Err() == nil {
		return fmt.Errorf("workerd has ended: %w", err)
	}
	return nil
}
