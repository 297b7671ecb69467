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
		Short: "Make the static site of models",
		Long: `Site makes a folder that any static host can serve: the page, the module
tweedie.js, the wasm, the models with their shards and cards, and a brotli copy of
each file. The page opens the first model. A classifier of noisy images among the models
is offered with those that it can guide. Every hash is verified first.

--share and --plain are for a site in front of which the service of core/httpapi stands,
as the Worker on Cloudflare: make worker uses them.

The folder is replaced as a whole, and only if it holds a site already.`,
		Example: `  tweedie site weights/models/mnist.json -o dist
  tweedie serve dist`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: flags.Models,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.NeedOutput(o.Out, "DIR"); err != nil {
				return err
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
	cmd.Flags().StringVar(&o.Page, "page", "", "folder to take the page from, instead of the one in this program")
	cmd.Flags().BoolVar(&o.Share, "share", false, "links to a run are /s/…, with a preview: for sites with the API, see serve --api")
	cmd.Flags().StringVar(&o.Docs, "docs", "", "folder of Markdown files that become pages below docs/; its README.md is the first page and lists the others")
	cmd.Flags().BoolVar(&o.Plain, "plain", false, "make no brotli copies: the host compresses by itself")
	cmd.Flags().BoolVar(&asJSON, "json", false, "list the files as JSON")
	return cmd
}

// reportSite prints the files of a site and what they weigh.
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
	fmt.Fprintf(cmd.OutOrStdout(), "%10d %10d  %s: bytes, and as sent with brotli\n", bytes, sent, out)
	return nil
}
