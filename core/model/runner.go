package model

import (
	"errors"
	"fmt"
	"runtime"
	"sync"

	"tweedie/core/diffusion"
	"tweedie/core/infer"
	"tweedie/core/tensor"
)

// Runner evaluates a model. It must be used by one goroutine at a time, and uses several
// itself.
type Runner struct {
	config    *Config
	labels    int    // number of class numbers that the network accepts, 0 if it is unconditional
	outShape  []int  // shape of its output for one image
	helper    Helper // nil for none
	plans     []*infer.Plan
	inputs    [][]float32    // buffers of each plan for times and classes: [t…, y…]
	threads   func() *Runner // returns a runner of several threads for one image; nil if there is one worker
	followers []*infer.Plan  // plans of the other threads
	evaluate  Evaluate       // used instead of plans; nil for none

	denoiserOf func() (func(diffusion.Network) diffusion.Denoiser, error) // Config.denoiserOf, called once: it may build a whole chain
}

// Evaluate evaluates a bare network. The arguments are those of Forward, and valid.
type Evaluate func(x *tensor.Tensor, t []float32, y []int) (*tensor.Tensor, error)

// RunnerOf returns a runner of the model whose network is evaluated by a function.
func (m *Model) RunnerOf(evaluate Evaluate) *Runner {
	r := m.runner()
	r.evaluate = evaluate
	return r
}

// Helper starts to evaluate the bare network elsewhere, and returns a function that waits for
// the result. The arguments are those of Forward; they are not modified before that.
type Helper func(x *tensor.Tensor, t []float32, y []int) (wait func() (*tensor.Tensor, error))

// NewRunner returns a runner whose workers evaluate up to maxBatch images at a time each. If
// there are fewer images than workers, the workers evaluate one image together. A member of a
// TensorParallel group is one worker.
func (m *Model) NewRunner(maxBatch int, o infer.Options) (*Runner, error) {
	if maxBatch < 1 {
		return nil, fmt.Errorf("model: a runner must evaluate at least 1 image at a time (got %d)", maxBatch)
	}
	w, err := infer.Load(m.network.Program, m.network.Out, m.source, maxBatch, o)
	if err != nil {
		return nil, err
	}
	r := m.runner()
	for range max(1, o.Workers) {
		r.plans = append(r.plans, w.NewPlan())
		r.inputs = append(r.inputs, make([]float32, 2*maxBatch))
	}
	if threads := min(o.Workers, runtime.GOMAXPROCS(0)); threads > 1 && m.Traffic(1) > 0 {
		r.threads = sync.OnceValue(func() *Runner { return m.newThreads(threads, o) })
	}
	return r, nil
}

// runner returns a runner without plans.
func (m *Model) runner() *Runner {
	r := &Runner{config: m.config, labels: m.config.Labels(), outShape: m.network.Program.Shape(m.network.Out), denoiserOf: sync.OnceValues(m.config.denoiserOf)}
	if m.config.Arch == Classifier && len(m.network.Program.Inputs) > 2 {
		r.labels = len(m.config.Classes) // the classifier's gradient, see NewClassifierGradient
	}
	return r
}

// newThreads returns a runner for one image at a time that leads the given number of threads.
// It panics where NewRunner with the same options returns an error.
func (m *Model) newThreads(threads int, o infer.Options) *Runner {
	r := m.runner()
	r.inputs = [][]float32{make([]float32, 2)}
	for _, member := range infer.Threads(threads) {
		o.TensorParallel = member
		w, err := infer.Load(m.network.Program, m.network.Out, m.source, 1, o)
		if err != nil {
			panic(err)
		}
		r.followers = append(r.followers, w.NewPlan())
	}
	r.plans, r.followers = r.followers[:1], r.followers[1:]
	return r
}

// Traffic returns the most numbers that the members of a TensorParallel group exchange at once
// when they evaluate up to maxBatch images; 0 if sharing the network does not pay.
func (m *Model) Traffic(maxBatch int) int { return infer.ExchangeSize(m.network.Program, maxBatch) }

// WithHelper returns a runner on r's plans that leaves half of every batch to helper.
func (r *Runner) WithHelper(helper Helper) *Runner {
	out := *r
	out.helper = helper
	return &out
}

// Follow evaluates its part of what the leader of the runner's group evaluates, until the
// leader calls Dismiss.
func (r *Runner) Follow() { r.plans[0].Follow() }

// Dismiss ends the Follow calls of the group that the runner leads.
func (r *Runner) Dismiss() { r.plans[0].Dismiss() }

// Forward evaluates the bare network on x [N,H,W,C] at times t [N] with class numbers y [N],
// which is nil if the network is unconditional. The result is new. It has 2C channels if the
// network has learned variances, and is [N,1,1,K] for a classifier. The error names an invalid
// length, shape or class, or is the helper's.
func (r *Runner) Forward(x *tensor.Tensor, t []float32, y []int) (*tensor.Tensor, error) {
	if err := r.check(x, t, y); err != nil {
		return nil, err
	}
	if r.evaluate != nil {
		return r.evaluate(x, t, y)
	}
	n := x.Shape[0]
	out := tensor.New(append([]int{n}, r.outShape...)...)
	if r.helper == nil || n < 2 {
		r.evaluateAll(out, x, t, y, n)
		return out, nil
	}
	half := (n + 1) / 2
	wait := r.helper(x.Rows(half, n), t[half:], y[min(half, len(y)):])
	r.evaluateAll(out, x, t, y, half)
	other, err := wait()
	if err != nil {
		return nil, err
	}
	copy(out.Rows(half, n).Data, other.Data)
	return out, nil
}

// evaluateAll evaluates the first n images with all plans at once.
func (r *Runner) evaluateAll(out, x *tensor.Tensor, t []float32, y []int, n int) {
	workers := min(len(r.plans), n)
	if workers == 0 {
		return
	}
	if r.threads != nil && n < len(r.plans) {
		r.threads().lead(out, x, t, y, n)
		return
	}
	var wait sync.WaitGroup
	for i := 1; i < workers; i++ {
		wait.Go(func() { r.run(i, out, x, t, y, n*i/workers, n*(i+1)/workers) })
	}
	r.run(0, out, x, t, y, 0, n/workers)
	wait.Wait()
}

// lead evaluates the first n images, one after another, with the threads that r leads.
func (r *Runner) lead(out, x *tensor.Tensor, t []float32, y []int, n int) {
	var wait sync.WaitGroup
	for _, p := range r.followers {
		wait.Go(p.Follow)
	}
	r.run(0, out, x, t, y, 0, n)
	r.Dismiss()
	wait.Wait()
}

// run evaluates images [start, end) with plan i.
func (r *Runner) run(i int, out, x *tensor.Tensor, t []float32, y []int, start, end int) {
	plan := r.plans[i]
	for at := start; at < end; at += plan.Batch() {
		n := min(plan.Batch(), end-at)
		times, classes := r.inputs[i][:n], r.inputs[i][plan.Batch():plan.Batch()+n]
		copy(times, t[at:])
		image, result := x.Rows(at, at+n).Data, out.Rows(at, at+n).Data
		if y == nil {
			plan.Run(result, n, image, times)
			continue
		}
		for j := range classes {
			classes[j] = float32(y[at+j])
		}
		plan.Run(result, n, image, times, classes)
	}
}

func (r *Runner) check(x *tensor.Tensor, t []float32, y []int) error {
	if err := x.Check(); err != nil {
		return fmt.Errorf("model: images: %w", err)
	}
	c, h, w := r.config.Shape[0], r.config.Shape[1], r.config.Shape[2]
	if len(x.Shape) != 4 || x.Shape[1] != h || x.Shape[2] != w || x.Shape[3] != c {
		return fmt.Errorf("model: images of shape %v must have the shape [N,H,W,C] = [N,%d,%d,%d]", x.Shape, h, w, c)
	}
	n := x.Shape[0]
	if len(t) != n {
		return fmt.Errorf("model: there must be one time per image (got %d for %d images)", len(t), n)
	}
	for i, t := range t {
		if err := r.config.checkTime(t); err != nil {
			return fmt.Errorf("model: time of image %d %w", i, err)
		}
	}
	if r.labels == 0 {
		if y != nil {
			return errors.New("model: got classes, but the network is unconditional")
		}
		return nil
	}
	if len(y) != n {
		return fmt.Errorf("model: there must be one class per image (got %d for %d images)", len(y), n)
	}
	for i, class := range y {
		if class < 0 || class >= r.labels {
			return fmt.Errorf("model: class %d of image %d is not one from 0 to %d", class, i, r.labels-1)
		}
	}
	return nil
}

// Denoiser is Guided with the same guidance at all noise levels.
func (r *Runner) Denoiser(class []int, guidance float32) diffusion.Denoiser {
	return r.Guided(class, diffusion.Guidance{Scale: float64(guidance)})
}

// Guided returns D(x;σ) for images of the given classes, −1 for none, with guidance as
// diffusion.Guidance defines it: both evaluations are made as one batch. Learned variances are
// not guided: they are those of the conditional evaluation. Noise levels outside the model's
// range are refused.
func (r *Runner) Guided(class []int, g diffusion.Guidance) diffusion.Denoiser {
	cond, uncond, err := r.classes(class, float32(g.Scale))
	if err != nil {
		return func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return nil, err }
	}
	if uncond == nil {
		return r.unguided(cond)
	}
	conditional, unconditional := r.unguided(cond), r.unguided(uncond)
	both := r.unguided(append(append([]int{}, cond...), uncond...))
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		weight := float32(g.ScaleAt(sigma))
		switch weight {
		case 0:
			return unconditional(x, sigma)
		case 1:
			return conditional(x, sigma)
		}
		n := x.Shape[0]
		pair := tensor.New(append([]int{2 * n}, x.Shape[1:]...)...)
		copy(pair.Data, x.Data)
		copy(pair.Data[len(x.Data):], x.Data)
		d, err := both(pair, sigma)
		if err != nil {
			return nil, err
		}
		return g.Combine(d.Rows(0, n), d.Rows(n, 2*n), weight, x.Shape[3]), nil
	}
}

// classes returns the network's class numbers with and without the condition. uncond is nil if
// no guidance is needed.
func (r *Runner) classes(class []int, guidance float32) (cond, uncond []int, err error) {
	c := r.config
	if c.Labels() == 0 {
		if guidance != 0 && guidance != 1 {
			err = fmt.Errorf("model: guidance must be 1 for a model without classes (got %g)", guidance)
		}
		return nil, nil, err
	}
	named := false
	for _, k := range class {
		if k >= len(c.Classes) || k < 0 && c.NullClass == nil {
			return nil, nil, fmt.Errorf("model: class %d is not one from 0 to %d", k, len(c.Classes)-1)
		}
		if k < 0 {
			k = *c.NullClass
		} else {
			named = true
		}
		cond = append(cond, k)
	}
	if guidance == 1 || !named {
		return cond, nil, nil
	}
	if c.NullClass == nil {
		return nil, nil, fmt.Errorf("model: guidance must be 1 for a model without a null class (got %g)", guidance)
	}
	uncond = make([]int, len(class))
	for i := range uncond {
		uncond[i] = *c.NullClass
	}
	return cond, uncond, nil
}

// unguided returns the denoiser without guidance, for the network's own class numbers.
func (r *Runner) unguided(y []int) diffusion.Denoiser {
	of, err := r.denoiserOf()
	if err != nil {
		return func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return nil, err }
	}
	return of(r.at(y))
}

// at returns the bare network for class numbers y, at the same time for all images.
func (r *Runner) at(y []int) diffusion.Network {
	return func(x *tensor.Tensor, time float32) (*tensor.Tensor, error) {
		t := make([]float32, x.Shape[0])
		for i := range t {
			t[i] = time
		}
		return r.Forward(x, t, y)
	}
}

// Denoiser returns D(x;σ) of a network that net evaluates at the network's own time. Noise
// levels outside the model's range are refused.
func (c *Config) Denoiser(net diffusion.Network) (diffusion.Denoiser, error) {
	of, err := c.denoiserOf()
	if err != nil {
		return nil, err
	}
	return of(net), nil
}

// denoiserOf returns the function behind Denoiser, for one network after another.
func (c *Config) denoiserOf() (func(diffusion.Network) diffusion.Denoiser, error) {
	if err := c.CheckDenoiser(); err != nil {
		return nil, err
	}
	p, err := c.Parametrization()
	if err != nil {
		return nil, err
	}
	return func(net diffusion.Network) diffusion.Denoiser {
		denoise := diffusion.Denoise(func(x *tensor.Tensor, cNoise float32) (*tensor.Tensor, error) { return net(x, c.Time(cNoise)) }, p)
		if low, high := c.Pixels(); low != -1 || high != 1 {
			denoise = diffusion.FromRange(denoise, low, high)
		}
		return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
			if err := c.checkSigma(sigma); err != nil {
				return nil, err
			}
			return denoise(x, sigma)
		}
	}, nil
}

// checkSigma returns an error if the model was not trained for a noise level.
func (c *Config) checkSigma(sigma float32) error {
	if low, high := c.SigmaRange(); !(sigma >= low && sigma <= high) {
		return fmt.Errorf("model: noise level %g is outside the model's range [%g, %g]", sigma, low, high)
	}
	return nil
}
