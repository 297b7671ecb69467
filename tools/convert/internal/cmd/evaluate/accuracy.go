package evaluate

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tweedie/core/infer"
	"tweedie/core/model"
	"tweedie/core/rng"
	"tweedie/core/tensor"
	"tweedie/tools/convert/internal/cmd/progress"
	"tweedie/tools/convert/internal/eval"
	"tweedie/weights"
)

// accuracyLevels are the noise levels at which a classifier is tested, if they are in its range.
var accuracyLevels = []float32{0.01, 0.1, 0.3, 0.6, 1, 1.5, 2, 3, 5, 10, 40}

// accuracy is that of a classifier at one noise level.
type accuracy struct {
	Sigma    float32 `json:"sigma"`
	Accuracy float64 `json:"accuracy"`      // fraction of pictures whose class is the most likely
	Nats     float64 `json:"cross_entropy"` // mean of −ln p(y|x;σ)
}

// openClassifier opens the model at path if it is a classifier of noisy images, else it
// returns nil.
func openClassifier(path string) (*model.Model, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	if c, err := model.ParseConfig(f.Manifest.Config); err != nil || c.Arch != model.Classifier {
		return nil, err
	}
	return model.Open(f)
}

// printAccuracy prints the accuracy of the classifier c on the held-out pictures of y.
func (o *evaluation) printAccuracy(cmd *cobra.Command, c *model.Model, y *yardstick) error {
	config := c.Config()
	if config.Shape != y.shape() || !slices.Equal(config.Classes, y.Classes) {
		return fmt.Errorf("the classifier and the pictures must have the same shape and classes (got %v and %q, %v and %q)", config.Shape, config.Classes, y.shape(), y.Classes)
	}
	r, err := c.NewRunner(16, infer.Options{Fast: o.judging.compute.Fast, Workers: o.judging.compute.Threads()})
	if err != nil {
		return err
	}
	n := y.held.N
	if cmd.Flags().Changed("number") {
		n = min(n, o.sampling.N())
	}
	low, high := config.SigmaRange()
	var out []accuracy
	for _, sigma := range accuracyLevels {
		if sigma < low || sigma > high {
			continue
		}
		show := progress.NewStage(cmd, fmt.Sprintf("noise level %g", sigma), "img")
		a, err := accuracyAt(cmd, r, y.held, n, sigma, o.sampling.Seed(), show.At)
		show.Finish()
		if err != nil {
			return err
		}
		out = append(out, a)
	}
	if o.json {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]any{"classifier": c.Name(), "pictures": n, "from": y.from, "levels": out})
	}
	tab := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tab, "noise level\taccuracy\tcross-entropy, nats\t\n")
	for _, a := range out {
		fmt.Fprintf(tab, "%g\t%.2f %%\t%.4f\t\n", a.Sigma, 100*a.Accuracy, a.Nats)
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d pictures %s; guessing has a cross-entropy of %.2f nats\n", n, y.from, math.Log(float64(len(config.Classes))))
	return err
}

// accuracyAt tests a classifier on the first n pictures of a set with noise of one level.
// The noise of picture i depends on seed and i alone.
func accuracyAt(cmd *cobra.Command, r *model.Runner, set *eval.Set, n int, sigma float32, seed uint64, progress func(done, total int)) (accuracy, error) {
	const batch = 256
	a, right := accuracy{Sigma: sigma}, 0
	noise := make([]float32, set.H*set.W*set.C)
	for start := 0; start < n; start += batch {
		if err := cmd.Context().Err(); err != nil {
			return a, err
		}
		x := tensor.New(min(batch, n-start), set.H, set.W, set.C)
		for i := range x.Shape[0] {
			rng.Normal(noise, seed, uint64(start+i), 0)
			row := x.Row(i)
			for j, v := range set.Images[(start+i)*len(row) : (start+i+1)*len(row)] {
				row[j] = float32(v)/127.5 - 1 + sigma*noise[j]
			}
		}
		logits, err := r.Logits(x, sigma)
		if err != nil {
			return a, err
		}
		for i := range x.Shape[0] {
			z, y := logits.Row(i), set.Labels[start+i]
			most, sum := slices.Max(z), 0.0
			for _, v := range z {
				sum += math.Exp(float64(v - most))
			}
			a.Nats += math.Log(sum) + float64(most-z[y])
			if z[y] == most {
				right++
			}
		}
		progress(start+x.Shape[0], n)
	}
	a.Accuracy, a.Nats = float64(right)/float64(n), a.Nats/float64(n)
	return a, nil
}
