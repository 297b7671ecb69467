package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"tweedie/core/sampler"
)

func mustSample(t *testing.T, e *Engine, r Request) Result {
	t.Helper()
	out, err := e.Sample(context.Background(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSampleSplits draws a batch whole, in groups, in chunks of every size, and
// in parts that workers would ask for: always the same bytes.
func TestSampleSplits(t *testing.T) {
	const n = 11
	for _, m := range sampler.Methods {
		t.Run(m.Name, func(t *testing.T) {
			r := Request{N: new(n), Seed: 7, Sampler: m.Name, Steps: new(6)}
			if m.Eta {
				r.Eta = new(0.5)
			}
			want := mustSample(t, New(testInfo(), newGaussian(), Options{Chunk: n}), r).Pixels
			if len(want) != n*2*3*4 {
				t.Fatalf("got %d bytes, want %d", len(want), n*2*3*4)
			}
			for _, o := range []Options{{Chunk: 1}, {Chunk: 3}, {Chunk: 4, Group: 5}, {Chunk: 8, Slice: time.Nanosecond}} {
				if got := mustSample(t, New(testInfo(), newGaussian(), o), r).Pixels; !bytes.Equal(got, want) {
					t.Errorf("%+v: other bytes", o)
				}
			}
			var parts []byte
			for first := 0; first < n; first += 4 {
				r.First, r.N = uint64(first), new(min(4, n-first))
				parts = append(parts, mustSample(t, New(testInfo(), newGaussian(), Options{}), r).Pixels...)
			}
			if !bytes.Equal(parts, want) {
				t.Error("parts of the batch: other bytes")
			}
		})
	}
}

// TestSampleDistribution compares what is drawn with the distribution of the
// data. The mean of k independent pixels of standard deviation s lies within
// 5·s/√k of its expectation but once in 1.7 million; the 8 steps of the solver
// and the bytes may shift it by 0.02 more.
func TestSampleDistribution(t *testing.T) {
	const n = 60
	out := mustSample(t, New(testInfo(), newGaussian(), Options{}), Request{
		N: new(n), Seed: 1, Steps: new(64), Guidance: new(1.0), Class: Classes{"light", "dark", "none", "1"},
	})
	g := newGaussian()
	want := []float32{g.mean[2], g.mean[0], g.mean[3], g.mean[1]}
	classes := []int{2, 0, -1, 1}
	size := len(out.Pixels) / n
	for k := range want {
		sum := 0.0
		for i := k; i < n; i += 4 {
			if out.Class[i] != classes[k] {
				t.Errorf("image %d: class %d, want %d", i, out.Class[i], classes[k])
			}
			for _, b := range out.Pixels[i*size : (i+1)*size] {
				sum += float64(unit(b))
			}
		}
		count := float64(n / 4 * size)
		bound := 5*g.sd/math.Sqrt(count) + 0.02
		if diff := math.Abs(sum/count - float64(want[k])); !(diff <= bound) {
			t.Errorf("class %d: mean %g, want %g ± %g", classes[k], sum/count, want[k], bound)
		}
	}
}

// TestSampleClassOfPart: the class belongs to the index in the batch, not in the part.
func TestSampleClassOfPart(t *testing.T) {
	e := New(testInfo(), newGaussian(), Options{})
	for _, c := range []struct {
		class Classes
		want  []int
	}{
		{nil, []int{2, 0, 1, 2}}, // absent deals out all
		{Classes{"1"}, []int{1, 1, 1, 1}},
		{Classes{"dark", "light"}, []int{2, 0, 2, 0}},
	} {
		out := mustSample(t, e, Request{N: new(4), First: 5, Steps: new(1), Class: c.class})
		if fmt.Sprint(out.Class) != fmt.Sprint(c.want) {
			t.Errorf("%v: got classes %v, want %v", c.class, out.Class, c.want)
		}
	}
}

// TestAdaptiveFrames: progress of a sampler that does not know its evaluations
// beforehand never falls, and ends at all; the result tells what they were.
func TestAdaptiveFrames(t *testing.T) {
	for _, name := range []string{"rk45", "adaptive-sde", "dpm-adaptive"} {
		for _, steps := range []int{2, 6} {
			e := New(testInfo(), newGaussian(), Options{})
			r := Request{N: new(3), Steps: &steps, Sampler: name}
			plan, err := e.Check(r, false)
			if err != nil {
				t.Fatal(err)
			}
			var last Frame
			frames := 0
			out, err := e.Sample(context.Background(), r, func(f Frame) {
				if frames++; f.Done < last.Done || f.Step > steps || f.Steps != steps || f.Done > f.Total {
					t.Errorf("%s: odd frame %+v after %+v", name, f, last)
				}
				last = f
			})
			if err != nil {
				t.Fatal(err)
			}
			if last.Done != last.Total || last.Step != steps {
				t.Errorf("%s, %d steps: ends at step %d, %d of %d", name, steps, last.Step, last.Done, last.Total)
			}
			if out.Plan.NFE < plan.NFE || 3*out.Plan.NFE < frames {
				t.Errorf("%s, %d steps: %d evaluations an image in %d frames, planned at least %d", name, steps, out.Plan.NFE, frames, plan.NFE)
			}
		}
	}
}

// TestSampleFrames counts what a progress bar is drawn from.
func TestSampleFrames(t *testing.T) {
	for _, name := range []string{"dpmpp2m", "heun"} {
		e := New(testInfo(), newGaussian(), Options{Group: 3})
		done, last, frames := 0, 0, 0
		out, err := e.Sample(context.Background(), Request{N: new(7), Steps: new(5), Sampler: name}, func(f Frame) {
			frames++
			if f.Done <= done || f.Steps != 5 || f.Step > 5 || f.X.Shape[0] != f.Denoised.Shape[0] || f.First%3 != 0 {
				t.Errorf("%s: odd frame %+v after %d", name, f, done)
			}
			done, last = f.Done, f.Step
			if f.Done == f.Total && f.Step != f.Steps {
				t.Errorf("%s: all done at step %d of %d", name, f.Step, f.Steps)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if done != 7*out.Plan.NFE || last != 5 || frames != 3*out.Plan.NFE {
			t.Errorf("%s: %d evaluations in %d frames to step %d, want %d, %d, 5", name, done, frames, last, 7*out.Plan.NFE, 3*out.Plan.NFE)
		}
	}
}

// TestSampleCancel stops a run at every chunk in turn; the engine then draws
// what it always draws.
func TestSampleCancel(t *testing.T) {
	g := newGaussian()
	e := New(testInfo(), g, Options{Chunk: 2})
	r := Request{N: new(5), Steps: new(3), Seed: 3}
	want := mustSample(t, e, r).SHA256()
	for stop := range 8 {
		ctx, cancel := context.WithCancel(context.Background())
		calls := 0
		g.fail = func(int) error {
			if calls == stop {
				cancel()
			}
			calls++
			return nil
		}
		_, err := e.Sample(ctx, r, nil)
		if !errors.Is(err, context.Canceled) || calls != stop+1 {
			t.Errorf("stopped in chunk %d: got %v after %d chunks", stop, err, calls)
		}
		g.fail = nil
		if got := mustSample(t, e, r).SHA256(); got != want {
			t.Errorf("after a stop in chunk %d: got other bytes", stop)
		}
	}
}

// TestSampleFailure: a failing network's error arrives as it is, and what is not
// a number is named, not painted.
func TestSampleFailure(t *testing.T) {
	g := newGaussian()
	e := New(testInfo(), g, Options{Chunk: 4})
	full := errors.New("arena full")
	g.fail = func(int) error { return full }
	if _, err := e.Sample(context.Background(), Request{}, nil); err != full {
		t.Errorf("got %v, want %v", err, full)
	}
	g.fail, g.alter = nil, broken(24+5)
	_, err := e.Sample(context.Background(), Request{N: new(2)}, nil)
	if want := "engine: pixel 5 of image 1 is not a number: the model or the sampler diverged"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestPacer runs a network of known speed on a clock that moves with it: chunks
// must fit the slice where one image does, and the host must get its turn.
func TestPacer(t *testing.T) {
	for _, c := range []struct {
		name        string
		each, slice time.Duration // an image, the aim
		largest     int           // chunk
		between     time.Duration // turns of the host, at most
	}{
		{"fast", 100 * time.Microsecond, 25 * time.Millisecond, 8, 38 * time.Millisecond},
		{"middling", 6 * time.Millisecond, 25 * time.Millisecond, 4, 38 * time.Millisecond},
		{"slow", 80 * time.Millisecond, 25 * time.Millisecond, 1, 80 * time.Millisecond},
		{"a clock that stands still", 0, 25 * time.Millisecond, 8, 0},
		{"no aim", 6 * time.Millisecond, 0, 8, math.MaxInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			ticks := &clock{time.Unix(0, 0)}
			turn := ticks.at
			g := newGaussian()
			g.fail = func(images int) error {
				ticks.advance(time.Duration(images) * c.each)
				if d := ticks.at.Sub(turn); d > c.between {
					t.Errorf("host waits %v, want at most %v", d, c.between)
				}
				return nil
			}
			e := New(testInfo(), g, Options{Chunk: 8, Slice: c.slice, Yield: func() { turn = ticks.at }})
			e.pacer.now = ticks.now
			mustSample(t, e, Request{N: new(32), Steps: new(6)})
			largest := 0
			for _, n := range g.sizes {
				largest = max(largest, n)
			}
			if largest != c.largest {
				t.Errorf("chunks of up to %d, want %d", largest, c.largest)
			}
		})
	}
}
