package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tweedie/core/httpapi"
	"tweedie/core/httpapi/apiserver"
	"tweedie/site/publish"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/output"
)

// serving is the flags of serve.
type serving struct {
	addr      string
	json, api bool
	options   apiserver.Options
}

func newServe() *cobra.Command {
	var o serving
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "Serve a site over HTTP",
		Long: `Serve serves a site that tweedie site built, until Ctrl-C, with the right media types,
brotli or gzip for clients that accept it, ETags and ranges, a strict Content-Security-Policy,
and the headers for cross-origin isolation.

With --api it also serves the HTTP API, like the Cloudflare Worker: /api/models, images at
/api/sample.png, runs with previews at /api/stream, shared experiments with a preview at
/s/…, and in addition /healthz and /metrics (Prometheus). It logs each request to standard
error as a line of JSON. Images are computed one request at a time. --gallery adds /gallery
and /api/gallery, where visitors can post experiments; the file keeps the newest, and may be
edited while the server is stopped. The environment variables TWEEDIE_MAX_GFLOP and
TWEEDIE_RATE set --max-gflop and --rate, as for the Worker. On Ctrl-C the server finishes
the current image.`,
		Example: `  tweedie serve dist
  tweedie serve dist --addr 127.0.0.1:0   # any free port
  tweedie serve dist --api --rate 30 --max-gflop 500
  tweedie serve dist --api --client-header X-Forwarded-For   # behind a proxy that sets it
  tweedie serve dist --api --gallery gallery.json
  tweedie serve dist --cors https://example.org   # whose pages load tweedie.js from here
  curl 'http://127.0.0.1:8080/api/sample.png?class=3&n=16&seed=7' -o digits.png`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	cmd.Flags().StringVar(&o.addr, "addr", "127.0.0.1:8080", "address to listen on, host:port; port 0 takes any free port")
	cmd.Flags().BoolVar(&o.api, "api", false, "serve the HTTP API as well")
	cmd.Flags().Int64Var(&o.options.GFLOP, "max-gflop", httpapi.DefaultGFLOP, "with --api: most work of one request, in 10⁹ additions and multiplications")
	cmd.Flags().IntVar(&o.options.Rate, "rate", 60, "with --api: most computing requests per client and minute; 0 means no limit")
	cmd.Flags().IntVar(&o.options.Queue, "queue", 64, "with --api: most requests that wait to be computed")
	cmd.Flags().DurationVar(&o.options.Timeout, "timeout", 2*time.Minute, "with --api: most time of one request, including waiting")
	cmd.Flags().DurationVar(&o.options.Grace, "grace", 30*time.Second, "with --api: most time to finish the current image on Ctrl-C")
	cmd.Flags().StringVar(&o.options.Client, "client-header", "", "with --api: header with the client's address, which only a proxy in front of the server sets")
	cmd.Flags().IntVar(&o.options.Workers, "workers", 0, "with --api: threads; 0 uses every core")
	cmd.Flags().StringVar(&o.options.Gallery, "gallery", "", "with --api: file of the gallery; without it there is no gallery")
	cmd.Flags().StringSliceVar(&o.options.Origins, "cors", nil, "origins whose pages may load the module and the models and read the API, such as https://example.org, with commas between; * means all")
	cmd.Flags().BoolVar(&o.json, "json", false, "print the URL as JSON")
	return cmd
}

// run serves the site in a folder until the context ends.
func (o *serving) run(cmd *cobra.Command, dir string) error {
	if _, _, err := net.SplitHostPort(o.addr); err != nil {
		return flags.Misused("--addr must be host:port (got %q)", o.addr)
	}
	if err := fromEnvironment(cmd, map[string]string{"max-gflop": httpapi.LimitGFLOP, "rate": httpapi.LimitRate}); err != nil {
		return err
	}
	if err := checkServer(o.options, o.api); err != nil {
		return err
	}
	if err := publish.CheckOrigins(o.options.Origins); err != nil {
		return flags.Misused("--cors: %v", err)
	}
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	ready := func(url string) {
		text := fmt.Sprintf("serving %s on %s\n", dir, url)
		if o.json {
			text = fmt.Sprintf("{\"url\":%q}\n", url)
		}
		if _, err := io.WriteString(cmd.OutOrStdout(), text); err != nil {
			stop() // nobody knows the address; main reports the error
		}
	}
	if !o.api {
		return publish.Serve(ctx, dir, o.addr, o.options.Origins, ready)
	}
	if err := output.Prepare(o.options.Gallery); err != nil {
		return err
	}
	o.options.Dir, o.options.Build, o.options.Log = dir, carriedBuild(), slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
	return apiserver.Run(ctx, o.options, o.addr, ready)
}

// checkServer refuses options that the server cannot run with.
func checkServer(o apiserver.Options, api bool) error {
	switch {
	case o.GFLOP < 1:
		return flags.Misused("--max-gflop must be at least 1 (got %d)", o.GFLOP)
	case o.Rate < 0:
		return flags.Misused("--rate must be at least 0 (got %d)", o.Rate)
	case o.Queue < 1:
		return flags.Misused("--queue must be at least 1 (got %d)", o.Queue)
	case o.Timeout <= 0:
		return flags.Misused("--timeout must be above 0 (got %v)", o.Timeout)
	case o.Grace < 0:
		return flags.Misused("--grace must be at least 0 (got %v)", o.Grace)
	case o.Workers < 0:
		return flags.Misused("--workers must be at least 0 (got %d)", o.Workers)
	case o.Gallery != "" && !api:
		return flags.Misused("--gallery requires --api (got %q)", o.Gallery)
	}
	return nil
}

// fromEnvironment sets flags that are not given from variables of the environment.
func fromEnvironment(cmd *cobra.Command, names map[string]string) error {
	for flag, name := range names {
		text, ok := os.LookupEnv(name)
		if !ok || cmd.Flags().Changed(flag) {
			continue
		}
		if err := cmd.Flags().Set(flag, text); err != nil {
			return flags.Misused("%s in the environment %v (got %q)", name, errors.Unwrap(err), text)
		}
	}
	return nil
}
