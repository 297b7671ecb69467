package eval

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"tweedie/core/modeltest"
	"tweedie/core/rng"
	"tweedie/core/train"
)

// bars returns n pictures of 8×8 with noise: class 0 shows a horizontal bar,
// class 1 an upright one.
func bars(n int, seed uint64) *Set {
	s := &Set{Data: train.Data{N: n, H: 8, W: 8, C: 1}, Classes: []string{"lying", "upright"}}
	for i := range n {
		noise := make([]uint32, 65)
		rng.Uint32s(noise, seed, uint64(i), 0)
		at := 2 + int(noise[64]%4)
		for p := range 64 {
			v := noise[p] >> 26 // up to 63
			if i%2 == 0 && p/8 == at || i%2 == 1 && p%8 == at {
				v += 160
			}
			s.Images = append(s.Images, uint8(v))
		}
		s.Labels = append(s.Labels, i%2)
	}
	return s
}

func fitted(t *testing.T, steps, workers int) *Classifier {
	t.Helper()
	c, err := Fit(context.Background(), bars(200, 1), bars(100, 2), FitOptions{Seed: 3, Steps: steps, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestFitLearns holds the loss to fall from ln 2 and unseen pictures to be told
// apart.
func TestFitLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	var losses []float64
	c, err := Fit(context.Background(), bars(200, 1), bars(100, 2), FitOptions{
		Seed: 3, Steps: 12, Workers: 2, Progress: func(_, _ int, loss float64) { losses = append(losses, loss) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if first := losses[0]; !(math.Abs(first-math.Ln2) <= 0.3) {
		t.Errorf("first loss: got %g, need about ln 2", first)
	}
	if last := losses[len(losses)-1]; !(last <= losses[0]/2) {
		t.Errorf("losses %.3g: the last is more than half the first", losses)
	}
	if got := c.Record(); !(got.Accuracy >= 0.95) || got.HeldOut != 100 {
		t.Errorf("got accuracy %g on %d pictures, need at least 0.95 on 100", got.Accuracy, got.HeldOut)
	}
}

// TestStepReducesLoss takes one small step along the gradient of one batch.
func TestStepReducesLoss(t *testing.T) {
	f, err := newFitter(bars(batch, 1), FitOptions{Seed: 3, Steps: 1000})
	if err != nil {
		t.Fatal(err)
	}
	first, err := f.advance()
	if err != nil {
		t.Fatal(err)
	}
	f.step = 0 // the same pictures, moved in the same way
	if second, err := f.advance(); err != nil || !(second < first) {
		t.Errorf("loss %g became %g after a step, %v", first, second, err)
	}
}

// TestFitRepeats wants the same bits from one core, two, and once more, and others
// from another seed.
func TestFitRepeats(t *testing.T) {
	one, two := fitted(t, 3, 1), fitted(t, 3, 2)
	if !slices.Equal(one.params.Flat, two.params.Flat) || one.record != two.record {
		t.Error("one core and two give different classifiers")
	}
	other, err := Fit(context.Background(), bars(200, 1), bars(100, 2), FitOptions{Seed: 4, Steps: 3})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(one.params.Flat, other.params.Flat) {
		t.Error("two seeds give the same classifier")
	}
}

// TestShift wants every move of up to two pixels to occur, with repeated borders.
func TestShift(t *testing.T) {
	set := bars(1, 1)
	for p := range set.Images {
		set.Images[p] = uint8(p)
	}
	w := &fitWorker{f: &fitter{set: set}}
	dst, seen := make([]float32, 64), map[[2]int]bool{}
	for draw := range uint64(500) {
		w.load(dst, 0, draw)
		at := int(math.Round((float64(dst[3*8+3]) + 1) * 127.5))
		dy, dx := at/8-3, at%8-3
		seen[[2]int{dy, dx}] = true
		for p, v := range dst {
			want := clamp(p/8+dy, 8)*8 + clamp(p%8+dx, 8)
			if v != float32(want)/127.5-1 {
				t.Fatalf("moved by %d, %d: pixel %d is not pixel %d of the picture", dy, dx, p, want)
			}
		}
	}
	if len(seen) != 25 {
		t.Errorf("%d different moves, want 25", len(seen))
	}
}

// TestFile wants a classifier to come back from its file to the bit, and to be
// refused for other data.
func TestFile(t *testing.T) {
	c := fitted(t, 2, 1)
	path := filepath.Join(t.TempDir(), "new", "classifier.json")
	if err := c.Write(path); err != nil {
		t.Fatal(err)
	}
	back, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.params.Flat, back.params.Flat) || c.record != back.record {
		t.Error("the classifier changed on its way through a file")
	}
	if err := back.Check(bars(200, 1)); err != nil {
		t.Errorf("refused for its own data: %v", err)
	}
	if err := back.Check(bars(200, 5)); err == nil {
		t.Error("accepted for other data")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data = modeltest.Summed([]byte(strings.Replace(string(data), `"upright"`, `"upright","askew"`, 1)))
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "head.weight") {
		t.Errorf("a class too many: got %v, need a complaint about head.weight", err)
	}
}

// TestFeatures wants the same features from any number of cores, and the classes
// that the tape's logits would give.
func TestFeatures(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	c, set := fitted(t, 12, 2), bars(75, 2)
	one, err := c.Features(context.Background(), set.Images, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	three, err := c.Features(context.Background(), set.Images, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !mat.Equal(one, three) {
		t.Error("features depend on the number of cores")
	}
	if got := agreement(c.Classify(one), set.Labels); !(got >= 0.9) {
		t.Errorf("got %g of the classes right, need 0.9", got)
	}
	if _, err := c.Features(context.Background(), set.Images[1:], 1, nil); err == nil {
		t.Error("accepted a part of a picture")
	}
	stop, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := c.Features(stop, set.Images, 1, nil); !errors.Is(err, cause) {
		t.Errorf("cancelled: got %v, want the cause", err)
	}
}

// TestSpec names what no classifier is made for.
func TestSpec(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		want string
	}{
		{Spec{Arch, [3]int{1, 28, 28}, []string{"0", "1"}}, ""},
		{Spec{Arch, [3]int{3, 64, 64}, []string{"0", "1"}}, ""},
		{Spec{Arch, [3]int{1, 5, 5}, []string{"0", "1"}}, ""},
		{Spec{Arch, [3]int{1, 28, 32}, []string{"0", "1"}}, ""},
		{Spec{Arch, [3]int{1, 4, 256}, []string{"0", "1"}}, ""},
		{Spec{Arch, [3]int{1, 28, 257}, []string{"0", "1"}}, "28x257"},
		{Spec{Arch, [3]int{1, 2, 2}, []string{"0", "1"}}, "2x2"},
		{Spec{Arch, [3]int{0, 8, 8}, []string{"0", "1"}}, "1 to 4 channels (got 0)"},
		{Spec{Arch, [3]int{1, 8, 8}, nil}, "at least 2 classes, from which the features are learned (got 0)"},
		{Spec{"other", [3]int{1, 8, 8}, nil}, `"other"`},
	} {
		_, _, err := c.spec.whole()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !errors.Is(err, ErrSpec) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: got %v, want a complaint about %q", c.spec, err, c.want)
		}
	}
	set := bars(10, 1)
	set.Labels[7] = 2
	if _, err := Fit(context.Background(), set, set, FitOptions{Steps: 1}); err == nil || !strings.Contains(err.Error(), "picture 7") {
		t.Errorf("a label out of range: got %v, need a complaint about picture 7", err)
	}
}
