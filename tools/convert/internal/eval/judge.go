package eval

import (
	"context"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Judge compares images with a data set. It is read-only.
type Judge struct {
	classifier *Classifier
	workers    int
	train      *mat.Dense
	whole      Gaussian // of train
	held       *mat.Dense
}

// NewJudge returns the judge that compares with the pictures of set, and takes its
// floors from held, which has more than 3 pictures. It computes with workers
// goroutines. The error is ctx's cause, or says that the pictures do not fit the
// classifier.
func NewJudge(ctx context.Context, c *Classifier, set, held *Set, workers int, progress Progress) (*Judge, error) {
	j := &Judge{classifier: c, workers: workers}
	for _, s := range []*Set{set, held} {
		if s.shape() != c.spec.Shape || s.N <= neighbours {
			return nil, fmt.Errorf("eval: %d pictures of %v, need more than %d of the classifier's %v", s.N, s.shape(), neighbours, c.spec.Shape)
		}
	}
	total := set.N + held.N
	count := func(before int) Progress {
		return func(done, _ int) {
			if progress != nil {
				progress(before+done, total)
			}
		}
	}
	var err error
	if j.train, err = c.Features(ctx, set.Images, workers, count(0)); err != nil {
		return nil, err
	}
	if j.held, err = c.Features(ctx, held.Images, workers, count(set.N)); err != nil {
		return nil, err
	}
	j.whole = FitGaussian(j.train)
	return j, nil
}

// Report is what a judge finds.
type Report struct {
	N         int     `json:"n"`         // images judged
	Train     int     `json:"train"`     // pictures compared with
	Accuracy  float64 `json:"accuracy"`  // part of the held-out pictures that the classifier tells right
	Agreement float64 `json:"agreement"` // part of the images of a class that it takes for that class
	Asked     int     `json:"asked"`     // images of a class
	Classes   []Class `json:"classes"`   // of those images
	Ratio     float64 `json:"ratio"`     // of the Fréchet distance to its floor
	Drawn     Figures `json:"drawn"`     // of the images
	Real      Figures `json:"real"`      // of as many held-out pictures: the mean of Draws
	RealN     int     `json:"real_n"`    // pictures of a draw: N, or all there are
	Draws     int     `json:"draws"`     // disjoint draws
}

// Class is how the images of one class fare.
type Class struct {
	Name      string  `json:"name"`
	N         int     `json:"n"`
	Agreement float64 `json:"agreement"`
}

// Figures compare images with the training pictures.
type Figures struct {
	Frechet   float64 `json:"frechet"`
	Kernel    float64 `json:"kernel"`    // against as many training pictures, see Judge
	Precision float64 `json:"precision"` // the same
	Recall    float64 `json:"recall"`    // the same
}

// maxDraws bounds the draws that floors are the mean of.
const maxDraws = 5

// Judge compares images [N,H,W,C] of the classifier's shape, more than 3, with the
// data. class holds what each should show, −1 where nothing was asked. Kernel
// distance, precision and recall are taken against as many training pictures as
// there are images, always the same ones. The error says which of the arguments
// does not fit, or is ctx's cause.
func (j *Judge) Judge(ctx context.Context, images []uint8, class []int, progress Progress) (*Report, error) {
	features, err := j.classifier.Features(ctx, images, j.workers, progress)
	if err != nil {
		return nil, err
	}
	n, _ := features.Dims()
	if n != len(class) || n <= neighbours {
		return nil, fmt.Errorf("eval: %d images and %d classes, need a class each and more than %d", n, len(class), neighbours)
	}
	trained, _ := j.train.Dims()
	r := &Report{N: n, Train: trained, Accuracy: j.classifier.record.Accuracy}
	if err := r.agree(j.classifier, features, class); err != nil {
		return nil, err
	}
	of := j.against(n)
	r.Drawn = of(features)
	if err := j.floors(ctx, r, of); err != nil {
		return nil, err
	}
	r.Ratio = r.Drawn.Frechet / r.Real.Frechet
	return r, nil
}

// agree fills in how far the classifier takes images for what they should be.
func (r *Report) agree(c *Classifier, features *mat.Dense, class []int) error {
	names := c.spec.Classes
	asked, same := make([]int, len(names)), make([]int, len(names))
	for i, got := range c.Classify(features) {
		want := class[i]
		if want < -1 || want >= len(names) {
			return fmt.Errorf("eval: class of image %d is %d, need -1 to %d", i, want, len(names)-1)
		}
		if want >= 0 {
			asked[want]++
		}
		if got == want {
			same[want]++
		}
	}
	all := 0
	for k, n := range asked {
		r.Asked, all = r.Asked+n, all+same[k]
		if n > 0 {
			r.Classes = append(r.Classes, Class{names[k], n, float64(same[k]) / float64(n)})
		}
	}
	if r.Asked > 0 {
		r.Agreement = float64(all) / float64(r.Asked)
	}
	return nil
}

// against returns what compares features with the training pictures, n of them
// where as many are needed.
func (j *Judge) against(n int) func(*mat.Dense) Figures {
	total, _ := j.train.Dims()
	some := rows(j.train, permutation(total, 0, 0, realStream)[:min(n, total)])
	real := newManifold(some, neighbours)
	return func(x *mat.Dense) Figures {
		drawn := newManifold(x, neighbours)
		return Figures{
			Frechet:   Frechet(FitGaussian(x), j.whole),
			Kernel:    KernelDistance(x, some),
			Precision: real.covers(drawn),
			Recall:    drawn.covers(real),
		}
	}
}

// floors fills in the figures of real pictures, the mean of disjoint draws.
func (j *Judge) floors(ctx context.Context, r *Report, of func(*mat.Dense) Figures) error {
	total, _ := j.held.Dims()
	r.RealN = min(r.N, total)
	r.Draws = min(maxDraws, total/r.RealN)
	order := permutation(total, 0, 0, drawStream)
	for draw := range slices.Chunk(order[:r.Draws*r.RealN], r.RealN) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f := of(rows(j.held, draw))
		r.Real.Frechet += f.Frechet / float64(r.Draws)
		r.Real.Kernel += f.Kernel / float64(r.Draws)
		r.Real.Precision += f.Precision / float64(r.Draws)
		r.Real.Recall += f.Recall / float64(r.Draws)
	}
	return nil
}

// rows returns the given rows of x, a copy.
func rows(x *mat.Dense, numbers []int) *mat.Dense {
	_, d := x.Dims()
	out := mat.NewDense(len(numbers), d, nil)
	for i, k := range numbers {
		out.SetRow(i, x.RawRowView(k))
	}
	return out
}
