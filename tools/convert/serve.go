package main

import (
	"encoding/json"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"tweedie/tools/convert/internal/page"
)

func newServe() *cobra.Command {
	var addr string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "Serve a site with the right headers",
		Long: `Serve answers requests for a site that tweedie site made, until Ctrl-C: media types,
brotli where the browser takes it, ETag and ranges, a strict
Content-Security-Policy, and the headers of cross-origin isolation.`,
		Example: `  tweedie serve dist
  tweedie serve dist --addr 127.0.0.1:0   # any port that is free`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, _, err := net.SplitHostPort(addr); err != nil {
				return misused("--addr is %q, need host:port", addr)
			}
			return page.Serve(cmd.Context(), args[0], addr, func(url string) {
				if asJSON {
					json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{"url": url})
					return
				}
				fmt.Fprintf(cmd.OutOrStdout(), "serving %s on %s\n", args[0], url)
			})
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "127.0.0.1:8080", "address to listen on, host:port; port 0 takes any that is free")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the URL as JSON")
	return cmd
}
