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

// evaluator is our engine on one network, in this process, as in tweedie forward.
type evaluator struct {
	engine  *engine.Engine
	threads int
	x, t    []float32
}

// newEvaluator opens a model for batches of the given size and the given number of threads.
func (r *environment) newEvaluator(name string, batch, threads int, fast bool) (*evaluator, error) {
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

// turn implements participant.
func (e *evaluator) turn(ctx context.Context, least time.Duration) ([]float64, error) {
	return timed(e.threads, least, func() error {
		_, err := e.engine.Forward(ctx, e.x, e.t, nil)
		return err
	})
}

// timed calls work on the given number of cores for at least the given time, and returns the
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

// newTrainer returns a participant that makes training steps of a network: L_simple, with noise
// for pictures, and AdamW. Batches have as many shards as there are threads.
func (r *environment) newTrainer(name string, batch, threads int) (participant, error) {
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

// trainer returns a training run of a network on noise.
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

// images returns the path of the network's input images for both sides.
func (r *environment) images(name string) string { return r.work + "/" + name + ".x" }

// readFloats reads a file of little-endian float32.
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
