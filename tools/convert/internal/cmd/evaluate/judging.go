package evaluate

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
	"tweedie/core/engine"
	"tweedie/core/train"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/tools/convert/internal/cmd/output"
	"tweedie/tools/convert/internal/cmd/progress"
	"tweedie/tools/convert/internal/eval"
)

// judging is the flags of the data and the classifier that images are compared with.
type judging struct {
	classifier      string
	classifierSteps int
	compute         flags.Compute
	data            flags.Data
}

// add declares the flags.
func (o *judging) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.classifier, "classifier", "", "file of the classifier; it is trained and written if it does not exist (default: in the user's cache)")
	f.IntVar(&o.classifierSteps, "classifier-steps", 0, "training steps of the classifier; 0 means four passes over the data")
	o.compute.Add(cmd)
	o.data.Add(cmd)
}

// check refuses values of flags that are wrong for all data.
func (o *judging) check() error {
	if o.classifierSteps < 0 || o.classifierSteps > 1<<24 {
		return flags.Misused("--classifier-steps must be from 0 to %d (got %d)", 1<<24, o.classifierSteps)
	}
	if err := flags.NeedSuffix("--classifier", o.classifier, ".json"); err != nil {
		return err
	}
	_, err := o.compute.Options()
	return err
}

// yardstick is the pictures that images are compared with.
type yardstick struct {
	*eval.Set
	held *eval.Set
	from string // source of held, for people
}

func (m *yardstick) shape() [3]int { return [3]int{m.C, m.H, m.W} }

// suits returns an error unless images of these classes, or of all classes of the model if
// there are none, can be compared with the pictures.
func (m *yardstick) suits(info engine.Info, classes engine.Classes) error {
	if info.Shape != m.shape() {
		return fmt.Errorf("the model's images must have the shape of the pictures, %v (channels, height, width; got %v)", m.shape(), info.Shape)
	}
	names := info.Classes
	if len(classes) > 0 {
		names = nil
	}
	for _, c := range classes {
		name := string(c)
		if k, err := strconv.Atoi(name); err == nil && k >= 0 && k < len(info.Classes) && !slices.Contains(info.Classes, name) {
			name = info.Classes[k]
		}
		if slices.Contains(info.Classes, name) { // which none may not be
			names = append(names, name)
		}
	}
	for _, name := range names {
		if !slices.Contains(m.Classes, name) {
			return fmt.Errorf("the data must have the model's class %q, to measure agreement (got %q)", name, m.Classes)
		}
	}
	return nil
}

// yardstick reads the data set at path: its training split, and its test split
// or, without one, a part held out.
func (o *judging) yardstick(path string) (*yardstick, error) {
	set, err := o.loadSet(path, dataset.Train)
	if err != nil {
		return nil, err
	}
	if err := set.Check(); err != nil {
		return nil, err
	}
	if !flags.HasTestSplit(path) {
		rest, held, err := eval.HoldOut(set)
		return &yardstick{rest, held, "held out of the training pictures"}, err
	}
	held, err := o.loadSet(path, dataset.Test)
	if err != nil {
		return nil, err
	}
	return &yardstick{set, held, "of the test split"}, nil
}

func (o *judging) loadSet(path string, split dataset.Split) (*eval.Set, error) {
	d, err := o.data.Load(path, split)
	if err != nil {
		return nil, err
	}
	return &eval.Set{Data: train.Data{N: d.Len(), H: d.H, W: d.W, C: d.C, Images: d.Images, Labels: d.Labels}, Classes: d.Classes}, nil
}

// openClassifier opens the classifier of m, or trains and writes it if it does not exist. It
// fills in the default of o.classifier.
func (o *judging) openClassifier(cmd *cobra.Command, m *yardstick) (*eval.Classifier, error) {
	if o.classifier == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, flags.Misused("%v: name a file with --classifier", err)
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
	if err := output.Prepare(o.classifier); err != nil {
		return nil, err
	}
	show := progress.NewStage(cmd, "train the classifier", "step")
	c, err := eval.Fit(cmd.Context(), m.Set, m.held, eval.FitOptions{
		Steps: o.classifierSteps, Workers: o.compute.Threads(),
		Progress: func(step, steps int, loss float64) {
			show.Note = fmt.Sprintf(", loss %.4f", loss)
			show.At(step, steps)
		},
	})
	show.Finish()
	if err != nil {
		return nil, err
	}
	r := c.Record()
	fmt.Fprintf(cmd.ErrOrStderr(), "classifier: %d steps, accuracy %.2f %% on %d pictures %s: %s\n",
		r.Steps, 100*r.Accuracy, r.HeldOut, m.from, o.classifier)
	return c, c.Write(o.classifier)
}

// judge returns what compares images with m.
func (o *judging) judge(cmd *cobra.Command, m *yardstick) (*eval.Judge, error) {
	c, err := o.openClassifier(cmd, m)
	if err != nil {
		return nil, err
	}
	show := progress.NewStage(cmd, "compute features of the data", "img")
	defer show.Finish()
	return eval.NewJudge(cmd.Context(), c, m.Set, m.held, o.compute.Threads(), show.At)
}

// judged is the images to evaluate.
type judged struct {
	pixels []uint8
	shape  [4]int
	class  []int // numbered as in the data, −1 for none
	dealt  int   // number of classes that the images take in turn
}

// drawImages generates images.
func drawImages(cmd *cobra.Command, e *engine.Engine, q engine.Request, m *yardstick, v *report) (*judged, error) {
	show := progress.NewStage(cmd, "draw", "eval")
	result, err := e.Sample(cmd.Context(), q, func(f engine.Frame) { show.At(f.Done, f.Total) })
	show.Finish()
	if err != nil {
		return nil, err
	}
	v.Model, v.Request, v.SHA256 = e.Info().Name, &result.Plan, result.SHA256()
	out := &judged{pixels: result.Pixels, shape: result.Shape, dealt: max(len(result.Plan.Class), len(result.Names))}
	for _, k := range result.Class {
		number := -1
		if k >= 0 {
			number = slices.Index(m.Classes, result.Names[k])
		}
		out.class = append(out.class, number)
	}
	return out, nil
}
