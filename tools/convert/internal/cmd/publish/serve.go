package publish

import (
	"encoding/json"
	"errors"
	"fmt"
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

func newServe() *cobra.Command {
	var addr string
	var asJSON, api bool
	var o apiserver.Options
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "Serve a site with the right headers",
		Long: `Serve answers requests for a site that tweedie site made, until Ctrl-C: media types,
brotli where the browser takes it, ETag and ranges, a strict
Content-Security-Policy, and the headers of cross-origin isolation.

With --api it also answers what the Worker on Cloudflare does: /api/models, images as
/api/sample.png, runs with previews as /api/stream, and shared experiments with a
preview as /s/…; and /healthz and /metrics (Prometheus) beside them. It logs a line of
JSON for each request to standard error. Images are computed one request at a time.
With --gallery there are /gallery and /api/gallery besides, where whoever comes may put
an experiment; the file, which you may edit while nothing serves it, keeps the newest.
--max-gflop and --rate may stand in the environment instead, as TWEEDIE_MAX_GFLOP and
TWEEDIE_RATE, as for the Worker. Ctrl-C lets the image under way be finished.`,
		Example: `  tweedie serve dist
  tweedie serve dist --addr 127.0.0.1:0   # any port that is free
  tweedie serve dist --api --rate 30 --max-gflop 500
  tweedie serve dist --api --client-header X-Forwarded-For   # behind a proxy that sets it
  tweedie serve dist --api --gallery gallery.json
  curl 'http://127.0.0.1:8080/api/sample.png?class=3&n=16&seed=7' -o digits.png`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, _, err := net.SplitHostPort(addr); err != nil {
				return flags.Misused("--addr is %q, need host:port", addr)
			}
			if err := fromEnvironment(cmd, map[string]string{"max-gflop": httpapi.LimitGFLOP, "rate": httpapi.LimitRate}); err != nil {
				return err
			}
			if o.GFLOP < 1 || o.Rate < 0 || o.Queue < 1 || o.Timeout <= 0 || o.Workers < 0 || o.Grace < 0 {
				return flags.Misused("--max-gflop, --queue and --timeout are %d, %d and %v, need more than 0; --rate, --workers and --grace are %d, %d and %v, need at least 0", o.GFLOP, o.Queue, o.Timeout, o.Rate, o.Workers, o.Grace)
			}
			if o.Gallery != "" && !api {
				return flags.Misused("--gallery is %q without --api, need both", o.Gallery)
			}
			ready := func(url string) {
				if asJSON {
					json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"url": url})
					return
				}
				fmt.Fprintf(cmd.OutOrStdout(), "serving %s on %s\n", args[0], url)
			}
			if !api {
				return publish.Serve(cmd.Context(), args[0], addr, ready)
			}
			if err := output.Prepare(o.Gallery); err != nil {
				return err
			}
			o.Dir, o.Build, o.Log = args[0], carriedBuild(), slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
			return apiserver.Run(cmd.Context(), o, addr, ready)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8080", "address to listen on, host:port; port 0 takes any that is free")
	cmd.Flags().BoolVar(&api, "api", false, "answer /api/ and /s/ as well")
	cmd.Flags().Int64Var(&o.GFLOP, "max-gflop", httpapi.DefaultGFLOP, "with --api: 10⁹ additions and multiplications of one request")
	cmd.Flags().IntVar(&o.Rate, "rate", 60, "with --api: requests to compute, a client and minute; 0 means any number")
	cmd.Flags().IntVar(&o.Queue, "queue", 64, "with --api: requests that may wait for their turn to compute")
	cmd.Flags().DurationVar(&o.Timeout, "timeout", 2*time.Minute, "with --api: time of one request, its waiting counted")
	cmd.Flags().DurationVar(&o.Grace, "grace", 30*time.Second, "with --api: time that the image under way has to be finished on Ctrl-C")
	cmd.Flags().StringVar(&o.Client, "client-header", "", "with --api: header in which a proxy in front, and nobody else, says the client's address")
	cmd.Flags().IntVar(&o.Workers, "workers", 0, "with --api: threads that compute; 0 means all")
	cmd.Flags().StringVar(&o.Gallery, "gallery", "", "with --api: file that keeps shared experiments; without it there is no gallery")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the URL as JSON")
	return cmd
}

// fromEnvironment sets the flags that were not given, and of which the environment has
// something to say, by their names there.
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
