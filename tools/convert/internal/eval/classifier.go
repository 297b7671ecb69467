package eval

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/mat"

	"tweedie/core/graph"
	"tweedie/core/infer"
)

// Classifier assigns classes to pictures, and turns pictures into features. It is read-only.
type Classifier struct {
	spec   Spec
	record Record
	params *graph.Params
}

// Record says how a classifier was trained. It is the Card of its file.
type Record struct {
	Data     string  `json:"data"`     // fingerprint of the pictures it was trained on
	Seed     uint64  `json:"seed"`     //
	Steps    int     `json:"steps"`    //
	Accuracy float64 `json:"accuracy"` // on the held-out pictures
	HeldOut  int     `json:"held_out"` // number of held-out pictures
}

// Spec returns the pictures that the classifier is for, Record how it was trained.
func (c *Classifier) Spec() Spec     { return c.spec }
func (c *Classifier) Record() Record { return c.record }

// Progress is called during a computation; it may be nil.
type Progress func(done, total int)

// chunk is how many pictures go through the network at once.
const chunk = 32

// Features returns the features of pictures [N,H,W,C] of the classifier's shape,
// [N,Features], computed by workers goroutines in exact arithmetic. The error says
// that the bytes are not a whole number of pictures, or is ctx's cause.
func (c *Classifier) Features(ctx context.Context, images []uint8, workers int, progress Progress) (*mat.Dense, error) {
	size := c.spec.Shape[0] * c.spec.Shape[1] * c.spec.Shape[2]
	n := len(images) / size
	if n == 0 || n*size != len(images) {
		return nil, fmt.Errorf("eval: the pictures must have a multiple of %d bytes (got %d)", size, len(images))
	}
	p := &graph.Program{}
	w, err := infer.Load(p, c.spec.body(p), c.params, chunk, infer.Options{})
	if err != nil {
		return nil, err
	}
	out := mat.NewDense(n, Features, nil)
	var next, done atomic.Int64
	var wait sync.WaitGroup
	var report sync.Mutex
	for range max(1, workers) {
		wait.Go(func() {
			plan, x, y := w.NewPlan(), make([]float32, chunk*size), make([]float32, chunk*Features)
			for ctx.Err() == nil {
				from := int(next.Add(chunk)) - chunk
				if from >= n {
					return
				}
				to := min(n, from+chunk)
				units(x, images[from*size:to*size])
				plan.Run(y, to-from, x)
				for i, v := range y[:(to-from)*Features] {
					out.Set(from+i/Features, i%Features, float64(v))
				}
				if total := int(done.Add(int64(to - from))); progress != nil {
					report.Lock()
					progress(total, n)
					report.Unlock()
				}
			}
		})
	}
	wait.Wait()
	return out, context.Cause(ctx)
}

// units writes bytes as numbers in [−1,1].
func units(dst []float32, src []uint8) {
	for i, v := range src {
		dst[i] = float32(v)/127.5 - 1
	}
}

// Classify returns the class of each row of features.
func (c *Classifier) Classify(features mat.Matrix) []int {
	weight, bias := c.params.Named("head.weight"), c.params.Named("head.bias")
	n, _ := features.Dims()
	out := make([]int, n)
	logits := make([]float64, len(bias))
	for i := range out {
		for k := range logits {
			sum := float64(bias[k])
			for j, w := range weight[k*Features : (k+1)*Features] {
				sum += float64(w) * features.At(i, j)
			}
			logits[k] = sum
		}
		out[i] = slices.Index(logits, slices.Max(logits))
	}
	return out
}

// agreement returns the fraction of got that equals want.
func agreement(got, want []int) float64 {
	same := 0
	for i, k := range got {
		if k == want[i] {
			same++
		}
	}
	return float64(same) / float64(len(got))
}
