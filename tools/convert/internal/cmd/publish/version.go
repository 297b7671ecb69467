package publish

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"tweedie"
	"tweedie/site/publish"
)

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Show the version of this program and what it was built from",
		Example: "  tweedie version --json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, args []string) error { return PrintVersion(cmd.OutOrStdout(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// PrintVersion prints the version of this program and what it was built from.
func PrintVersion(w io.Writer, asJSON bool) error {
	vectors := strings.Contains(runtime.Version(), "simd") // go1.27.4 X:simd
	carried := carriedBuild()
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{
			"version": tweedie.Version, "page": carried, "go": runtime.Version(),
			"os": runtime.GOOS, "arch": runtime.GOARCH, "simd": vectors,
		})
	}
	_, err := fmt.Fprintf(w, "tweedie %s, page %s, %s %s/%s, vector kernels: %v\n",
		tweedie.Version, carried, runtime.Version(), runtime.GOOS, runtime.GOARCH, vectors)
	return err
}

// carriedBuild returns the build id of the page inside this program, or "none".
func carriedBuild() string {
	if a, err := publish.LoadAssets(""); err == nil {
		return a.Build
	}
	return "none"
}
