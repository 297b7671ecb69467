package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
	"tweedie/core/engine"
	"tweedie/core/train"
	"tweedie/tools/convert/internal/eval"
	"tweedie/weights/npy"
)

// evaluation is the flags of eval.
type evaluation struct {
	request
	data            dataFlags
	images, grid    string
	classifier      string
	classifierSteps int
	trainOnly       bool
}

func newEval() *cobra.Command {
	var o evaluation
	cmd := &cobra.Command{
		Use:   "eval [MODEL] DATA",
		Short: "Measure how near a model's images come to its data",
		Long: `Eval draws images from MODEL, or takes those of --images, and compares them with
the training pictures of DATA in the features of a small classifier, which it
trains on DATA the first time and keeps. It prints

  class agreement    how many images the classifier takes for the class asked for
  Fréchet distance   Heusel et al. 2017; lower is better
  kernel distance    Bińkowski et al. 2018; lower is better, about 0 at best
  precision, recall  Kynkäänniemi et al. 2019; images that could be real, and
                     real pictures that could have been drawn

each beside what as many real pictures reach that the classifier never saw: the
test split of DATA, or a seventh held out where there is none. The ratio of the two
Fréchet distances is what to compare; it is 1 for images as good as real ones.

Of a MODEL that is itself a classifier of noisy images, which guides others, it prints
how many of those real pictures it tells right at each of some noise levels.`,
		Example: `  tweedie eval runs/mnist/model.json data/mnist
  tweedie eval weights/models/mnist.json data/mnist -n 2000 --steps 20 --guidance 1.4 --grid grid.png
  tweedie eval data/mnist --images theirs.npy --class 0,1,2,3,4,5,6,7,8,9 --json
  tweedie eval weights/models/mnist-classifier.json data/mnist
  tweedie eval data/mnist --train-classifier --classifier runs/classifier.json`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: models,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	f := cmd.Flags()
	f.IntVarP(&o.n, "number", "n", 2000, "how many images")
	f.Uint64Var(&o.seed, "seed", 0, "seed of the noise")
	f.StringVar(&o.sampler, "sampler", "", "sampler, see tweedie inspect MODEL (default: the model's)")
	f.IntVar(&o.steps, "steps", 0, "steps of the sampler (default: the model's)")
	f.StringVar(&o.classes, "class", "", "class by number or name, or \"none\"; a comma list is dealt out in turn (default: all of them in turn)")
	o.guide.add(cmd)
	f.Float64Var(&o.eta, "eta", 0, "fresh noise of samplers that have it, 0 to 1 (default: the model's)")
	f.StringVar(&o.images, "images", "", "judge these images, an npy file of uint8 [N,H,W,C], and sample none")
	f.StringVar(&o.grid, "grid", "", "PNG file for the first 100 images")
	f.StringVar(&o.writeNPY, "npy", "", "npy file for the images drawn, uint8 [N,H,W,C]")
	f.StringVar(&o.classifier, "classifier", "", "file of the classifier, trained and written if it is not there (default: in the user's cache)")
	f.IntVar(&o.classifierSteps, "classifier-steps", 0, "steps of its training; 0 means four passes over the data")
	f.BoolVar(&o.trainOnly, "train-classifier", false, "train the classifier if it is not there, and end")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	o.compute.add(cmd)
	o.data.add(cmd)
	return cmd
}

// run measures what args and flags say.
func (o *evaluation) run(cmd *cobra.Command, args []string) error {
	if err := o.check(cmd, len(args) == 2); err != nil {
		return err
	}
	q, err := o.engine(cmd)
	if err != nil {
		return err
	}
	m, err := o.loadYardstick(args[len(args)-1])
	if err != nil {
		return err
	}
	if len(args) == 2 {
		if c, err := openGuide(args[0]); c != nil || err != nil {
			if err != nil {
				return err
			}
			return o.tellAccuracy(cmd, c, m)
		}
	}
	if o.trainOnly {
		_, err := o.openClassifier(cmd, m)
		return err
	}
	var e *engine.Engine
	if o.images == "" {
		if e, err = o.open(cmd, args[0]); err != nil {
			return err
		}
		if _, err := e.Check(q, false); err != nil {
			return &misuse{err}
		}
		if shape := e.Info().Shape; shape != m.shape() {
			return fmt.Errorf("the model draws %v (channels, height, width), the pictures of %s are %v, need the same", shape, args[1], m.shape())
		}
	}
	if err := prepare(o.grid, o.writeNPY); err != nil {
		return err
	}
	judge, err := o.judge(cmd, m)
	if err != nil {
		return err
	}
	v := &verdict{Held: m.from, Classifier: o.classifier}
	var drawn *judged
	if e == nil {
		drawn, err = o.read(m)
	} else {
		drawn, err = o.draw(cmd, e, q, m, v)
	}
	if err != nil {
		return err
	}
	if err := o.keep(drawn); err != nil {
		return err
	}
	show := newStage(cmd, "compare", "img")
	v.Report, err = judge.Judge(cmd.Context(), drawn.pixels, drawn.class, show.at)
	show.finish()
	if err != nil {
		return err
	}
	return v.print(cmd, o.json)
}

// check reports flags that do not go together.
func (o *evaluation) check(cmd *cobra.Command, model bool) error {
	given := cmd.Flags().Changed
	if o.classifierSteps < 0 || o.classifierSteps > 1<<24 {
		return misused("--classifier-steps is %d, need 0 to %d", o.classifierSteps, 1<<24)
	}
	if err := needSuffix("--classifier", o.classifier, ".json"); err != nil {
		return err
	}
	if err := needSuffix("--grid", o.grid, ".png"); err != nil {
		return err
	}
	if o.n <= 3 {
		return misused("--number is %d, need at least 4", o.n)
	}
	if _, err := o.compute.options(); err != nil {
		return err
	}
	switch {
	case o.images != "" && o.trainOnly:
		return misused("both --images and --train-classifier, need one of them")
	case o.images == "" && !o.trainOnly && !model:
		return misused("found one argument, need MODEL and DATA, or --images")
	case (o.images != "" || o.trainOnly) && model:
		return misused("found a MODEL that nothing is drawn from, need DATA alone with --images or --train-classifier")
	case o.images == "":
		return nil
	}
	for _, flag := range append([]string{"number", "seed", "sampler", "steps", "eta", "npy"}, guideFlags...) {
		if given(flag) {
			return misused("--%s with --images: nothing is drawn", flag)
		}
	}
	return nil
}

// yardstick is the pictures that images are measured by.
type yardstick struct {
	*eval.Set
	held *eval.Set
	from string // where held comes from, for people
}

func (m *yardstick) shape() [3]int { return [3]int{m.C, m.H, m.W} }

// loadYardstick reads the data set at path: its training split, and its test split
// or, without one, a part held out.
func (o *evaluation) loadYardstick(path string) (*yardstick, error) {
	set, err := o.loadSet(path, dataset.Train)
	if err != nil {
		return nil, err
	}
	if !hasTestSplit(path) {
		rest, held, err := eval.HoldOut(set)
		return &yardstick{rest, held, "held out of the training pictures"}, err
	}
	held, err := o.loadSet(path, dataset.Test)
	if err != nil {
		return nil, err
	}
	return &yardstick{set, held, "of the test split"}, nil
}

func (o *evaluation) loadSet(path string, split dataset.Split) (*eval.Set, error) {
	d, err := o.data.load(path, split)
	if err != nil {
		return nil, err
	}
	return &eval.Set{Data: train.Data{N: d.Len(), H: d.H, W: d.W, C: d.C, Images: d.Images, Labels: d.Labels}, Classes: d.Classes}, nil
}

// hasTestSplit reports whether path is a folder in which dataset.Load finds a test
// split beside the training split.
func hasTestSplit(path string) bool {
	entries, _ := os.ReadDir(path)
	folders := 0
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "t10k-images") {
			return true
		}
		if e.IsDir() && (e.Name() == string(dataset.Train) || e.Name() == string(dataset.Test)) {
			folders++
		}
	}
	return folders == 2
}

// threads returns how many goroutines compute.
func (o *evaluation) threads() int {
	if o.compute.workers > 0 {
		return o.compute.workers
	}
	return runtime.GOMAXPROCS(0)
}

// openClassifier returns the classifier of m, trained and written if it is not
// there. It fills in o.classifier where nothing was given.
func (o *evaluation) openClassifier(cmd *cobra.Command, m *yardstick) (*eval.Classifier, error) {
	if o.classifier == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, misused("%v: name a file with --classifier", err)
		}
		o.classifier = filepath.Join(cache, "tweedie", fmt.Sprintf("classifier-%016x.json", m.Fingerprint()))
	}
	if _, err := os.Stat(o.classifier); err == nil {
		c, err := eval.Open(o.classifier)
		if err != nil {
			return nil, err
		}
		return c, c.Check(m.Set)
	}
	if err := prepare(o.classifier); err != nil {
		return nil, err
	}
	show := newStage(cmd, "train the classifier", "step")
	c, err := eval.Fit(cmd.Context(), m.Set, m.held, eval.FitOptions{
		Steps: o.classifierSteps, Workers: o.threads(),
		Progress: func(step, steps int, loss float64) {
			show.note = fmt.Sprintf(", loss %.4f", loss)
			show.at(step, steps)
		},
	})
	show.finish()
	if err != nil {
		return nil, err
	}
	r := c.Record()
	fmt.Fprintf(cmd.ErrOrStderr(), "classifier: %d steps, tells %.2f %% of %d pictures %s right: %s\n",
		r.Steps, 100*r.Accuracy, r.HeldOut, m.from, o.classifier)
	return c, c.Write(o.classifier)
}

// judge returns the judge by m.
func (o *evaluation) judge(cmd *cobra.Command, m *yardstick) (*eval.Judge, error) {
	c, err := o.openClassifier(cmd, m)
	if err != nil {
		return nil, err
	}
	show := newStage(cmd, "look at the data", "img")
	defer show.finish()
	return eval.NewJudge(cmd.Context(), c, m.Set, m.held, o.threads(), show.at)
}

// judged is the images to be judged.
type judged struct {
	pixels []uint8
	shape  [4]int
	class  []int // by the numbers of the data, −1 where none was asked for
	dealt  int   // classes that were dealt out in turn
}

// draw draws images from the model.
func (o *evaluation) draw(cmd *cobra.Command, e *engine.Engine, q engine.Request, m *yardstick, v *verdict) (*judged, error) {
	show := newStage(cmd, "draw", "eval")
	result, err := e.Sample(cmd.Context(), q, func(f engine.Frame) { show.at(f.Done, f.Total) })
	show.finish()
	if err != nil {
		return nil, err
	}
	v.Model, v.Request, v.SHA256 = e.Info().Name, &result.Plan, result.SHA256()
	out := &judged{pixels: result.Pixels, shape: result.Shape, dealt: max(len(result.Plan.Class), len(result.Names))}
	for _, k := range result.Class {
		number := -1
		if k >= 0 {
			name := result.Names[k]
			if number = slices.Index(m.Classes, name); number < 0 {
				return nil, fmt.Errorf("the model draws class %q, the data have %q: no agreement can be measured", name, m.Classes)
			}
		}
		out.class = append(out.class, number)
	}
	return out, nil
}

// read reads the file of --images.
func (o *evaluation) read(m *yardstick) (*judged, error) {
	a, err := npy.Read(o.images)
	if err != nil {
		return nil, err
	}
	pixels, ok := a.Data.([]uint8)
	if !ok || len(a.Shape) != 4 || a.Shape[1] != m.H || a.Shape[2] != m.W || a.Shape[3] != m.C {
		return nil, fmt.Errorf("%s: found %T of shape %v, need uint8 [N,%d,%d,%d]: number, height, width, channels", o.images, a.Data, a.Shape, m.H, m.W, m.C)
	}
	dealt, err := o.dealt(m.Classes)
	if err != nil {
		return nil, err
	}
	out := &judged{pixels: pixels, shape: [4]int(a.Shape), dealt: len(dealt)}
	for i := range a.Shape[0] {
		out.class = append(out.class, dealt[i%len(dealt)])
	}
	return out, nil
}

// dealt returns the numbers of the classes that --class names, of all without it.
func (o *evaluation) dealt(names []string) ([]int, error) {
	var out []int
	if o.classes == "" {
		for i := range names {
			out = append(out, i)
		}
		return out, nil
	}
	for name := range strings.SplitSeq(o.classes, ",") {
		name = strings.TrimSpace(name)
		number := slices.Index(names, name)
		if k, err := strconv.Atoi(name); number < 0 && err == nil && k >= 0 && k < len(names) {
			number = k
		}
		if number < 0 && name != "none" {
			return nil, misused("--class has %q, need one of %q, or none", name, names)
		}
		out = append(out, number)
	}
	return out, nil
}

// keep writes the files that the flags ask for.
func (o *evaluation) keep(drawn *judged) error {
	if o.grid != "" {
		shape := drawn.shape
		shape[0] = min(shape[0], 100)
		if err := writeSheet(o.grid, drawn.pixels, shape, chooseColumns(shape[0], drawn.dealt)); err != nil {
			return err
		}
	}
	if o.writeNPY != "" {
		return writeBytesNPY(o.writeNPY, drawn.pixels, drawn.shape[:])
	}
	return nil
}
