package evaluate

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"tweedie/core/engine"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/modelfile"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/tools/convert/internal/cmd/progress"
	"tweedie/weights/npy"
)

// evaluation is the flags of eval.
type evaluation struct {
	sampling     flags.Sampling
	judging      judging
	images, grid string
	npy          string
	trainOnly    bool
	json         bool
}

func newEval() *cobra.Command {
	var o evaluation
	cmd := &cobra.Command{
		Use:   "eval [MODEL] DATA",
		Short: "Measure the quality of a model's images",
		Long: `Eval generates images with MODEL, or reads those of --images, and compares them with the
training pictures of DATA. It compares features of a small classifier, which it trains on
DATA the first time and keeps. It prints

  class agreement    images that the classifier assigns to the requested class
  Fréchet distance   Heusel et al. 2017; lower is better
  kernel distance    Bińkowski et al. 2018; lower is better, about 0 at best
  precision, recall  Kynkäänniemi et al. 2019: images that resemble the data, and data
                     that the images cover

and the same figures for an equal number of real pictures that the classifier has not
seen: the test split of DATA, or a seventh of the pictures if there is none. Compare
models by the ratio of the two Fréchet distances: it is 1 for images as good as real ones.

If MODEL is a classifier of noisy images, eval prints its accuracy on the real pictures at
several noise levels.`,
		Example: `  tweedie eval runs/mnist/model.json data/mnist
  tweedie eval weights/models/mnist.json data/mnist -n 2000 --steps 20 --guidance 1.4 --grid grid.png
  tweedie eval data/mnist --images theirs.npy --class 0,1,2,3,4,5,6,7,8,9 --json
  tweedie eval weights/models/mnist-classifier.json data/mnist
  tweedie eval data/mnist --train-classifier --classifier runs/classifier.json`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: flags.Models,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	o.sampling.Add(cmd, 2000)
	f.StringVar(&o.images, "images", "", "npy file of images to evaluate instead of a MODEL's, uint8 [N,H,W,C]")
	f.StringVar(&o.grid, "grid", "", "PNG file for a sheet of the first 100 images")
	f.StringVar(&o.npy, "npy", "", "npy file for the generated images, uint8 [N,H,W,C]")
	f.BoolVar(&o.trainOnly, "train-classifier", false, "train the classifier if it does not exist, and exit")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	o.judging.add(cmd)
	return cmd
}

// run evaluates a model or images.
func (o *evaluation) run(cmd *cobra.Command, args []string) error {
	if err := o.check(cmd, len(args) == 2); err != nil {
		return err
	}
	q, err := o.sampling.Request(cmd)
	if err != nil {
		return err
	}
	m, err := o.judging.yardstick(args[len(args)-1])
	if err != nil {
		return err
	}
	if len(args) == 2 {
		if c, err := openClassifier(args[0]); c != nil || err != nil {
			if err != nil {
				return err
			}
			return o.printAccuracy(cmd, c, m)
		}
	}
	if o.trainOnly {
		_, err := o.judging.openClassifier(cmd, m)
		return err
	}
	var e *engine.Engine
	if o.images == "" {
		if e, err = o.open(cmd, args[0], q, m); err != nil {
			return err
		}
	}
	if o.grid != "" {
		if err := output.CheckSheet(m.C); err != nil {
			return err
		}
	}
	if err := output.Prepare(o.grid, o.npy); err != nil {
		return err
	}
	var drawn *judged
	if e == nil {
		if drawn, err = o.read(cmd, m); err != nil {
			return err
		}
	}
	judge, err := o.judging.judge(cmd, m)
	if err != nil {
		return err
	}
	v := &report{Held: m.from, Classifier: o.judging.classifier}
	if e != nil {
		if drawn, err = drawImages(cmd, e, q, m, v); err != nil {
			return err
		}
	}
	if err := o.keep(drawn); err != nil {
		return err
	}
	show := progress.NewStage(cmd, "compare", "img")
	v.Report, err = judge.Judge(cmd.Context(), drawn.pixels, drawn.class, show.At)
	show.Finish()
	if err != nil {
		return err
	}
	return v.print(cmd, o.json)
}

// open opens the model at path, which has to suit the request and the pictures.
func (o *evaluation) open(cmd *cobra.Command, path string, q engine.Request, m *yardstick) (*engine.Engine, error) {
	o.judging.compute.Size = o.judging.data.Size
	e, err := modelfile.Guided(cmd, path, &o.sampling.Guides, &o.judging.compute)
	if err != nil {
		return nil, err
	}
	if _, err := e.Check(q, false); err != nil {
		return nil, flags.AsMisuse(err)
	}
	return e, m.suits(e.Info(), q.Class)
}

// check refuses flags that do not go together.
func (o *evaluation) check(cmd *cobra.Command, model bool) error {
	given := cmd.Flags().Changed
	if err := o.judging.check(); err != nil {
		return err
	}
	if err := flags.NeedSuffix("--grid", o.grid, ".png"); err != nil {
		return err
	}
	if n := o.sampling.N(); n <= 3 {
		return flags.Misused("--number must be at least 4 (got %d)", n)
	}
	switch {
	case o.images != "" && o.trainOnly:
		return flags.Misused("--images and --train-classifier cannot be combined")
	case o.images == "" && !o.trainOnly && !model:
		return flags.Misused("the arguments must be MODEL and DATA, or DATA with --images or --train-classifier")
	case (o.images != "" || o.trainOnly) && model:
		return flags.Misused("--images and --train-classifier use no model: the argument must be DATA alone")
	case o.images == "":
		return nil
	}
	for _, flag := range append([]string{"number", "seed", "sampler", "steps", "eta", "npy"}, flags.GuidanceFlags...) {
		if given(flag) {
			return flags.Misused("--%s has no effect with --images, which generates nothing: remove it", flag)
		}
	}
	return nil
}

// read reads the file of --images.
func (o *evaluation) read(cmd *cobra.Command, m *yardstick) (*judged, error) {
	a, err := npy.Read(o.images)
	if err != nil {
		return nil, err
	}
	pixels, ok := a.Data.([]uint8)
	if !ok || len(a.Shape) != 4 || a.Shape[1] != m.H || a.Shape[2] != m.W || a.Shape[3] != m.C {
		return nil, fmt.Errorf("%s: must be uint8 of shape [N,%d,%d,%d]: number, height, width, channels (got %T of shape %v)", o.images, m.H, m.W, m.C, a.Data, a.Shape)
	}
	if a.Shape[0] <= 3 {
		return nil, fmt.Errorf("%s: there must be more than 3 images (got %d)", o.images, a.Shape[0])
	}
	q, err := o.sampling.Request(cmd)
	if err != nil {
		return nil, err
	}
	dealt, err := dealt(q.Class, m.Classes)
	if err != nil {
		return nil, err
	}
	out := &judged{pixels: pixels, shape: [4]int(a.Shape), dealt: len(dealt)}
	for i := range a.Shape[0] {
		out.class = append(out.class, dealt[i%len(dealt)])
	}
	return out, nil
}

// dealt returns the numbers of the given classes, or of all classes if there are none.
func dealt(classes engine.Classes, names []string) ([]int, error) {
	var out []int
	if len(classes) == 0 {
		for i := range names {
			out = append(out, i)
		}
		return out, nil
	}
	for _, c := range classes {
		name := string(c)
		number := slices.Index(names, name)
		if k, err := strconv.Atoi(name); number < 0 && err == nil && k >= 0 && k < len(names) {
			number = k
		}
		if number < 0 && name != "none" {
			return nil, flags.Misused("--class must name classes of the data, %q, or none (got %q)", names, name)
		}
		out = append(out, number)
	}
	return out, nil
}

// keep writes the files of the flags.
func (o *evaluation) keep(drawn *judged) error {
	if o.grid != "" {
		shape := drawn.shape
		shape[0] = min(shape[0], 100)
		if err := output.WriteSheet(o.grid, drawn.pixels, shape, output.Columns(shape[0], drawn.dealt)); err != nil {
			return err
		}
	}
	if o.npy != "" {
		return output.WriteNPY(o.npy, drawn.pixels, drawn.shape[:])
	}
	return nil
}
