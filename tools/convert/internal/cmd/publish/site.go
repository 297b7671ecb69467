package publish

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"tweedie/site/publish"
	"tweedie/tools/convert/internal/cmd/flags"
)

func newSite() *cobra.Command {
	var o publish.Options
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "site MODEL… -o dist",
		Short: "Build a static site from models",
		Long: `Site builds a folder that any static host can serve: the page, the module tweedie.js, the
wasm, the models with their shards and cards, and a brotli and a gzip copy of each file. The
page opens the first model. A classifier of noisy images among the models is offered with the
models that it can guide. Site verifies every hash first.

--share and --plain are for sites behind the HTTP API, such as the Cloudflare Worker (see
make worker).

Site replaces an existing folder only if it contains a site, and replaces it as a whole.
Brotli takes half a minute for the programs of the page: compressed files are kept in the
user's cache folder (on Linux ~/.cache/tweedie/brotli), so that the next site is built at once.`,
		Example: `  tweedie site weights/models/mnist.json -o dist
  tweedie serve dist`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: flags.Models,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.NeedOutput(o.Out, "DIR"); err != nil {
				return err
			}
			if cmd.Flags().Changed("cors") {
				if err := publish.CheckOrigins([]string{o.Origin}); err != nil {
					return flags.Misused("--cors: %v", err)
				}
			}
			o.Models = args
			files, err := publish.Build(cmd.Context(), o)
			if err != nil {
				return err
			}
			return reportSite(cmd, o.Out, files, asJSON)
		},
	}
	flags.Output(cmd, &o.Out, "folder of the site")
	cmd.Flags().StringVar(&o.Page, "page", "", "folder of the page, instead of the page inside this program")
	cmd.Flags().BoolVar(&o.Share, "share", false, "use /s/… links with previews for runs: requires the API, see serve --api")
	cmd.Flags().StringVar(&o.Docs, "docs", "", "folder of Markdown files that become pages below docs/; its README.md is the first page and lists the others")
	cmd.Flags().StringVar(&o.Origin, "cors", "", "origin whose pages may load the module and the models, such as https://example.org; * means all; written to the file _headers")
	cmd.Flags().BoolVar(&o.Plain, "plain", false, "make no compressed copies, for hosts that compress files themselves")
	cmd.Flags().BoolVar(&asJSON, "json", false, "list the files as JSON")
	return cmd
}

// reportSite prints the files of a site and their sizes.
func reportSite(cmd *cobra.Command, out string, files []publish.File, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"site": out, "files": files})
	}
	bytes, sent := 0, 0
	for _, f := range files {
		packed := "-"
		if f.Brotli > 0 {
			packed = fmt.Sprint(f.Brotli)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%10d %10s  %s\n", f.Bytes, packed, f.Name)
		bytes, sent = bytes+f.Bytes, sent+f.Sent()
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%10d %10d  %s: bytes, and bytes sent with brotli\n", bytes, sent, out)
	return nil
}
