package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
	"tweedie/core/engine"
	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/quantize"
	"tweedie/core/tensor"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/progress"
)

// fidelityFlags is the flags of how a stored model is compared with its original.
type fidelityFlags struct {
	measure, skip bool
	data          string
}

// asked reports whether a model is to be measured. A model that is too large for memory is
// measured only with --measure, since it is read from its file for every evaluation.
func (t *fidelityFlags) asked(cmd *cobra.Command, m *model.Model) bool {
	if t.skip {
		return false
	}
	if m.Config().Arch == model.Classifier {
		fmt.Fprintln(cmd.ErrOrStderr(), "not measured: a classifier generates no images; tweedie eval measures its accuracy")
		return false
	}
	if !t.measure && m.Parameters() > quantize.MaxResident {
		fmt.Fprintf(cmd.ErrOrStderr(), "not measured: the model has more than %[2]d parameters (%[1]d); --measure measures it all the same\n", m.Parameters(), quantize.MaxResident)
		return false
	}
	return true
}

func (t *fidelityFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&t.measure, "measure", false, "measure the model, and choose the rounding of int8 and int4 on images, even if the model is large; this takes long")
	f.BoolVar(&t.skip, "no-measure", false, "do not measure the model; int8 and int4 round every weight independently")
	f.StringVar(&t.data, "data", "", "data set on whose pictures errors are measured (default: the model's own samples)")
}

func (t *fidelityFlags) check() error {
	if t.measure && t.skip {
		return flags.Misused("--measure and --no-measure cannot be combined")
	}
	return nil
}

// pictures are the images of a comparison: calibration for rounding, test and samples for
// measuring.
type pictures struct {
	calibration, test quantize.Images
	samples           engine.Result
}

// draw draws samples from m, and reads the data set if one is given. Slower models get
// fewer images, and there are none to compare if compared is false.
func (t *fidelityFlags) draw(cmd *cobra.Command, m *model.Model, compared bool) (*pictures, error) {
	e, err := modelfile.EngineOf(m)
	if err != nil {
		return nil, err
	}
	plan, err := e.Check(engine.Request{}, false)
	if err != nil {
		return nil, err
	}
	some := min(int(1e11/graph.CostOf(m.Network().Program).FLOPs), 1000/plan.NFE)
	calibrations, tests := min(32, max(8, some)), min(16, max(4, some/2))
	if m.Parameters() > quantize.MaxResident {
		calibrations = min(calibrations, quantize.MaxImages(m))
	}
	if !compared {
		tests = 0
	}
	if t.data == "" {
		r, err := sampled(cmd, e, calibrations+tests)
		if err != nil {
			return nil, err
		}
		all := quantize.Images{X: units(r.Pixels, r.Shape), Class: r.Class}
		if m.Config().Classes == nil {
			all.Class = nil
		}
		p := &pictures{calibration: all.Part(tests, all.Len()), test: all.Part(0, tests), samples: r}
		p.samples.Pixels, p.samples.Shape[0] = r.Pixels[:len(r.Pixels)/all.Len()*tests], tests
		return p, nil
	}
	all, err := t.read(m, calibrations+tests)
	if err != nil {
		return nil, err
	}
	var r engine.Result
	if tests > 0 {
		r, err = sampled(cmd, e, tests)
	}
	return &pictures{calibration: all.Part(tests, all.Len()), test: all.Part(0, tests), samples: r}, err
}

// read reads n pictures, spread over the data set.
func (t *fidelityFlags) read(m *model.Model, n int) (quantize.Images, error) {
	c := m.Config()
	d, err := dataset.Load(t.data, dataset.Options{C: c.Shape[0], H: c.Shape[1], W: c.Shape[2]})
	if err != nil {
		return quantize.Images{}, err
	}
	if c.Shape != [3]int{d.C, d.H, d.W} {
		return quantize.Images{}, fmt.Errorf("data %q: pictures must have the model's size %d×%d (height × width) and %d channels (got %d×%d and %d)", t.data, c.Shape[1], c.Shape[2], c.Shape[0], d.H, d.W, d.C)
	}
	if d.Len() < n {
		return quantize.Images{}, fmt.Errorf("data %q: there must be at least %d pictures (got %d)", t.data, n, d.Len())
	}
	var pixels []uint8
	var class []int
	for i := range n {
		k := i * d.Len() / n
		pixels = append(pixels, d.Image(k)...)
		if c.Classes == nil {
			continue
		}
		number := -1
		if d.Labels != nil {
			number = slices.Index(c.Classes, d.Classes[d.Labels[k]])
		}
		if number < 0 && c.NullClass == nil {
			return quantize.Images{}, fmt.Errorf("data %q: the class of picture %d must be one of the model's: %q", t.data, k, c.Classes)
		}
		class = append(class, number)
	}
	return quantize.Images{X: units(pixels, [4]int{n, d.H, d.W, d.C}), Class: class}, nil
}

// units returns pixels as numbers in [−1,1].
func units(pixels []uint8, shape [4]int) *tensor.Tensor {
	x := tensor.New(shape[:]...)
	for i, v := range pixels {
		x.Data[i] = float32(v)/127.5 - 1
	}
	return x
}

// sampled draws n images with the model's own settings and seed 0.
func sampled(cmd *cobra.Command, e *engine.Engine, n int) (engine.Result, error) {
	progress := progress.NewBar(cmd.ErrOrStderr(), "sample", "eval")
	defer progress.Finish()
	return e.Sample(cmd.Context(), engine.Request{N: &n}, func(f engine.Frame) { progress.At(f.Done, f.Total) })
}

// fidelity says how closely a stored model matches its original. Decibels are null where
// the two are equal.
type fidelity struct {
	Denoised []level  `json:"denoised"`
	Samples  decibels `json:"samples_db"` // of their pixels, peak 255
	Images   int      `json:"images"`
}

// level is the error of D(x;σ): peak is the range of its numbers.
type level struct {
	Sigma float32  `json:"sigma"`
	DB    decibels `json:"db"`
}

// decibels are infinite where there is no error.
type decibels float64

func (d decibels) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(d), 1) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(d))
}

// exact is the fidelity of equal numbers.
func exact(m *model.Model) *fidelity {
	same := decibels(math.Inf(1))
	f := &fidelity{Samples: same}
	for _, sigma := range quantize.Sigmas(m.Config()) {
		f.Denoised = append(f.Denoised, level{sigma, same})
	}
	return f
}

// compare compares the model at path with m on pictures.
func (t *fidelityFlags) compare(cmd *cobra.Command, path string, m *model.Model, p *pictures) (*fidelity, error) {
	stored, file, err := modelfile.Read(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	want, err := quantize.Denoise(m, p.test)
	if err != nil {
		return nil, err
	}
	got, err := quantize.Denoise(stored, p.test)
	if err != nil {
		return nil, err
	}
	f := &fidelity{Images: p.test.Len()}
	psnr, sigmas := got.PSNR(want), quantize.Sigmas(m.Config())
	for i, sigma := range sigmas {
		if math.IsInf(psnr[i], -1) {
			return nil, fmt.Errorf("%s: D(x;%g) is not finite: use another --quant", path, sigma)
		}
		f.Denoised = append(f.Denoised, level{sigma, decibels(psnr[i])})
	}
	e, err := modelfile.EngineOf(stored)
	if err != nil {
		return nil, err
	}
	r, err := sampled(cmd, e, p.samples.Shape[0])
	if err := errors.Join(err, m.Err(), stored.Err()); err != nil {
		return nil, err
	}
	shape := p.samples.Shape
	f.Samples = decibels(quantize.PSNR(units(r.Pixels, shape).Data, units(p.samples.Pixels, shape).Data, 2))
	return f, nil
}

// print prints a table, or nothing if nothing was measured.
func (f *fidelity) print(w io.Writer) error {
	if f == nil {
		return nil
	}
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(tab, "\nnoise level\t")
	for _, l := range f.Denoised {
		fmt.Fprintf(tab, "%.3g\t", l.Sigma)
	}
	fmt.Fprint(tab, "samples\t\nPSNR, dB\t")
	for _, l := range f.Denoised {
		fmt.Fprintf(tab, "%.1f\t", l.DB)
	}
	fmt.Fprintf(tab, "%.1f\t\n", f.Samples)
	return tab.Flush()
}
