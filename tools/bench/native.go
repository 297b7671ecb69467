package main

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"runtime"
	"time"

	"tweedie/core/engine"
	"tweedie/core/model"
	"tweedie/core/train"
	"tweedie/weights"
)

// evaluator is our own engine on one network, in this process: what tweedie
// forward does.
type evaluator struct {
	engine  *engine.Engine
	threads int
	x, t    []float32
}

// newEvaluator opens a model for batches of the given size, on as many threads.
func (r *rig) newEvaluator(name string, batch, threads int, fast bool) (*evaluator, error) {
	f, err := weights.Open(r.model(name))
	if err != nil {
		return nil, err
	}
	e := &evaluator{threads: threads}
	if e.engine, err = engine.Open(f, engine.Options{Fast: fast, Workers: threads}); err != nil {
		return nil, err
	}
	shape := e.engine.Info().Shape
	all, err := readFloats(r.images(name))
	if err != nil {
		return nil, err
	}
	e.x = all[:batch*shape[0]*shape[1]*shape[2]]
	for range batch {
		e.t = append(e.t, 500)
	}
	return e, nil
}

// turn is the evaluator as a contestant.
func (e *evaluator) turn(ctx context.Context, least time.Duration) ([]float64, error) {
	return timed(e.threads, least, func() error {
		_, err := e.engine.Forward(ctx, e.x, e.t, nil)
		return err
	})
}

// timed calls work on so many cores for at least the given time and returns the
// milliseconds of each call.
func timed(threads int, least time.Duration, work func() error) ([]float64, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	var times []float64
	for began := time.Now(); len(times) == 0 || time.Since(began) < least; {
		start := time.Now()
		if err := work(); err != nil {
			return nil, err
		}
		times = append(times, time.Since(start).Seconds()*1000)
	}
	return times, nil
}

// newTrainer returns training steps of a network as a contestant: L_simple on
// noise for pictures, plain AdamW. Its batches are cut into as many lanes as there
// are threads.
func (r *rig) newTrainer(name string, batch, threads int) (contestant, error) {
	f, err := weights.Open(r.model(name))
	if err != nil {
		return nil, err
	}
	m, err := model.Open(f)
	if err != nil {
		return nil, err
	}
	t, err := trainer(m.Config(), batch, threads)
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, least time.Duration) ([]float64, error) {
		return timed(threads, least, func() error {
			_, err := t.Step()
			return err
		})
	}, nil
}

// trainer returns a run of a network on noise.
func trainer(c model.Config, batch, threads int) (*train.Trainer, error) {
	d := &train.Data{N: batch, C: c.Shape[0], H: c.Shape[1], W: c.Shape[2]}
	d.Images = make([]uint8, d.N*d.H*d.W*d.C)
	for i := range d.Images {
		d.Images[i] = uint8(i * 7)
	}
	config := &train.Config{Model: c, Seed: 1, Steps: 1 << 20, Batch: batch, Shards: threads, LearningRate: 1e-4, PMean: -1.2, PStd: 1.2}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	return train.New(config, d, nil)
}

// images returns the file of the images that go into a network on both sides.
func (r *rig) images(name string) string { return r.work + "/" + name + ".x" }

// readFloats reads a file of float32, little-endian.
func readFloats(path string) ([]float32, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out, nil
}
