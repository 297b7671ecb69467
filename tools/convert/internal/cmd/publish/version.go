package publish

import (
	"encoding/json"
	"fmt"
	"io"
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
		RunE:    func(cmd *cobra.Command, args []string) error { return PrintVersion(cmd.OutOrStdout(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// PrintVersion prints what this program was built from.
func PrintVersion(w io.Writer, asJSON bool) error {
	version := "unknown"
	vectors := strings.Contains(runtime.Version(), "simd") // go1.27.4 X:simd
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	carried := carriedBuild()
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{
			"version": version, "page": carried, "go": runtime.Version(),
			"os": runtime.GOOS, "arch": runtime.GOARCH, "simd": vectors,
		})
	}
	_, err := fmt.Fprintf(w, "tweedie %s, page %s, %s %s/%s, vector kernels: %v\n",
		version, carried, runtime.Version(), runtime.GOOS, runtime.GOARCH, vectors)
	return err
}

// carriedBuild returns the build id of the page that this program carries, which is
// that of the program too, or "none".
func carriedBuild() string {
	if a, err := publish.LoadAssets(""); err == nil {
		return a.Build
	}
	return "none"
}
