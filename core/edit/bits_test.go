package edit

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"tweedie/core/sampler"
)

// The bits of two repainted images by every method are in a golden file that this test
// compares with on every target. It does not show that they are correct.
// TWEEDIE_GOLDEN=write rewrites the file.
func TestSameBitsEverywhere(t *testing.T) {
	var got strings.Builder
	forEachMethod(t, 6, func(t *testing.T, s sampler.Settings) {
		for _, r := range []RePaint{{}, {Resamplings: 3, Jump: 2}} {
			x := inpaint(t, s, r, 5, 2)
			fmt.Fprintf(&got, "%s eta=%g r=%d:", s.Method, s.Eta, r.Resamplings)
			for _, v := range x.Data {
				fmt.Fprintf(&got, " %08x", math.Float32bits(v))
			}
			got.WriteByte('\n')
		}
	})
	const file = "testdata/bits.txt"
	if os.Getenv("TWEEDIE_GOLDEN") == "write" {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(string(b), "\n")
	for i, line := range strings.Split(got.String(), "\n") {
		if i >= len(want) || line != want[i] {
			t.Errorf("line %d of %s: got %s, want %s", i+1, file, line, append(want, "")[min(i, len(want))])
		}
	}
}
