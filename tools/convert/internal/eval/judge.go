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

// NewJudge returns a judge that compares images with the pictures of set, and takes
// reference figures from held, which must have more than 3 pictures. It computes with
// workers goroutines. The error is ctx's cause, or says that the pictures do not fit
// the classifier.
func NewJudge(ctx context.Context, c *Classifier, set, held *Set, workers int, progress Progress) (*Judge, error) {
	j := &Judge{classifier: c, workers: workers}
	for _, s := range []*Set{set, held} {
		if s.shape() != c.spec.Shape || s.N <= neighbours {
			return nil, fmt.Errorf("eval: there must be more than %d pictures, of the classifier's shape %v (got %d of %v)", neighbours, c.spec.Shape, s.N, s.shape())
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

// Report is the result of a comparison.
type Report struct {
	N         int     `json:"n"`         // images compared
	Train     int     `json:"train"`     // training pictures that they are compared with
	Accuracy  float64 `json:"accuracy"`  // of the classifier, on the held-out pictures
	Agreement float64 `json:"agreement"` // fraction of the images of a class that it assigns to that class
	Asked     int     `json:"asked"`     // images that have a class
	Classes   []Class `json:"classes"`   // of those images
	Ratio     float64 `json:"ratio"`     // of the Fréchet distance of the images to that of real pictures
	Drawn     Figures `json:"drawn"`     // of the images
	Real      Figures `json:"real"`      // of an equal number of held-out pictures: the mean over Draws sets
	RealN     int     `json:"real_n"`    // pictures of a set: N, or all held-out pictures
	Draws     int     `json:"draws"`     // disjoint sets
}

// Class is the agreement for the images of one class.
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

// maxDraws is the largest number of sets of real pictures.
const maxDraws = 5

// Judge compares more than 3 images [N,H,W,C] of the classifier's shape with the data.
// class holds the class of each image, −1 for none. Kernel distance, precision and
// recall compare with as many training pictures as there are images, always the same
// ones. The error says which argument is wrong, or is ctx's cause.
func (j *Judge) Judge(ctx context.Context, images []uint8, class []int, progress Progress) (*Report, error) {
	features, err := j.classifier.Features(ctx, images, j.workers, progress)
	if err != nil {
		return nil, err
	}
	n, _ := features.Dims()
	if n != len(class) || n <= neighbours {
		return nil, fmt.Errorf("eval: there must be more than %d images, with a class each (got %d images and %d classes)", neighbours, n, len(class))
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

// agree fills in how often the classifier assigns images to their class.
func (r *Report) agree(c *Classifier, features *mat.Dense, class []int) error {
	names := c.spec.Classes
	asked, same := make([]int, len(names)), make([]int, len(names))
	for i, got := range c.Classify(features) {
		want := class[i]
		if want < -1 || want >= len(names) {
			return fmt.Errorf("eval: the class of image %d must be from -1 to %d (got %d)", i, len(names)-1, want)
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

// against returns a function that compares features with the training pictures, or with
// n of them for the figures that need equal numbers.
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

// floors fills in the figures of real pictures, the mean over disjoint sets.
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
