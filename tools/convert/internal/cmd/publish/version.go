package publish

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"tweedie/site/publish"
)

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Show what this program was built from",
		Example: "  tweedie version --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			version := "unknown"
			vectors := strings.Contains(runtime.Version(), "simd") // go1.27.4 X:simd
			if info, ok := debug.ReadBuildInfo(); ok {
				version = info.Main.Version
			}
			carried := carriedBuild()
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{
					"version": version, "page": carried, "go": runtime.Version(),
					"os": runtime.GOOS, "arch": runtime.GOARCH, "simd": vectors,
				})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "tweedie %s, page %s, %s %s/%s, vector kernels: %v\n",
				version, carried, runtime.Version(), runtime.GOOS, runtime.GOARCH, vectors)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// carriedBuild returns the build id of the page that this program carries, which is
// that of the program too, or "none".
func carriedBuild() string {
	if a, err := publish.LoadAssets(""); err == nil {
		return a.Build
	}
	return "none"
}
