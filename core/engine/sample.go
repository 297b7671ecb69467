package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"tweedie/core/diffusion"
	"tweedie/core/edit"
	"tweedie/core/sampler"
	"tweedie/core/tensor"
)

// Result is the images of a request.
type Result struct {
	Pixels []uint8  // [N,H,W,C], see Pixels
	Shape  [4]int   // N, H, W, C
	Class  []int    // of each image, -1 for none
	Names  []string // of the classes, by their numbers
	Plan   Plan     // what was done
}

// SHA256 returns the hash of the pixels in hexadecimal digits.
func (r Result) SHA256() string { return Digest(r.Pixels) }

// Digest returns the SHA-256 of pixels in hexadecimal digits, by which the images of
// different machines are compared.
func Digest(pixels []uint8) string {
	sum := sha256.Sum256(pixels)
	return hex.EncodeToString(sum[:])
}

// Frame is the progress of a run after an evaluation. X and Denoised belong to the
// sampler: they are valid during the call only.
type Frame struct {
	Step, Steps int // of the images of this frame, with RePaint's repetitions
	Done, Total int // evaluations of single images, of the whole request
	First       int // position of the frame's first image in the result
	Sigma       float32
	X           *tensor.Tensor // [n,H,W,C]: x₀ + σ·ε
	Denoised    *tensor.Tensor // D(x;σ): a preview of the images
}

// Sample draws images. onFrame, if not nil, is called after every evaluation of
// all images in memory.
//
// The error is one of Check, names a pixel that is not a number, or wraps the
// cause of ctx.
func (e *Engine) Sample(ctx context.Context, r Request, onFrame func(Frame)) (Result, error) {
	plan, err := e.Check(r, false)
	if err != nil {
		return Result{}, err
	}
	if e, err = e.sized(plan.Size); err != nil {
		return Result{}, err
	}
	return e.run(ctx, plan, onFrame, func(d diffusion.Denoiser, noise sampler.Noise) (*tensor.Tensor, error) {
		return sampler.Run(plan.samplerSettings(), d, sampler.Start(noise, plan.sigmas), plan.sigmas, noise, nil)
	})
}

// Inpaint repaints part of an image, r.N times. The image has the model's channels and the
// size of the request, which is the image's own if r gives none and the network allows it.
// The mask has its height and width and says how much of a pixel is repainted: 255 all of
// it, 0 nothing. Where it is 0, the result has the bytes of the image. The rest is as with
// Sample.
func (e *Engine) Inpaint(ctx context.Context, r Request, image, mask Picture, onFrame func(Frame)) (Result, error) {
	r.Size = e.info.fitted(r.Size, image)
	plan, err := e.Check(r, true)
	if err != nil {
		return Result{}, err
	}
	if e, err = e.sized(plan.Size); err != nil {
		return Result{}, err
	}
	c, h, w := e.info.Shape[0], e.info.Shape[1], e.info.Shape[2]
	if err := image.check("image", h, w, c); err != nil {
		return Result{}, err
	}
	if err := mask.check("mask", h, w, 1); err != nil {
		return Result{}, err
	}
	known, repaint := image.units(), mask.shares()
	if err := edit.CheckMask(repaint, h, w); err != nil {
		return Result{}, err
	}
	return e.run(ctx, plan, onFrame, func(d diffusion.Denoiser, noise sampler.Noise) (*tensor.Tensor, error) {
		return edit.Inpaint(plan.samplerSettings(), plan.repaint, d, known, repaint, plan.sigmas, noise)
	})
}

// run draws the images of a plan in groups, with draw.
func (e *Engine) run(ctx context.Context, plan Plan, onFrame func(Frame),
	draw func(diffusion.Denoiser, sampler.Noise) (*tensor.Tensor, error)) (Result, error) {
	n, c, h, w := *plan.N, e.info.Shape[0], e.info.Shape[1], e.info.Shape[2]
	out := Result{Shape: [4]int{n, h, w, c}, Class: make([]int, n), Names: plan.Names(e.info), Plan: plan}
	for i := range out.Class {
		out.Class[i] = plan.class(plan.First + uint64(i))
	}
	e.pacer.start()
	group, took := e.options.Group, 0
	if plan.method.Adaptive {
		group = 1 // its steps are chosen for a whole batch, and an image must not depend on others
	}
	for start := 0; start < n; start += group {
		end := min(n, start+group)
		denoise, evaluations := e.denoiser(ctx, plan, out.Class, start, end, onFrame)
		noise := sampler.NewNoise(uint64(plan.Seed), plan.First+uint64(start), end-start, h, w, c)
		x, err := draw(denoise, noise)
		if err != nil {
			return Result{}, err
		}
		pixels, err := Pixels(x)
		if err != nil {
			return Result{}, err
		}
		out.Pixels = append(out.Pixels, pixels...)
		took = max(took, *evaluations)
	}
	out.Plan.NFE = took
	return out, nil
}

// denoiser returns the denoiser for images [start, end) of a run, which evaluates them in
// chunks, stops when ctx is done and reports frames; and the number of its calls so far.
func (e *Engine) denoiser(ctx context.Context, plan Plan, class []int, start, end int, onFrame func(Frame)) (diffusion.Denoiser, *int) {
	evaluations, done, step := 0, 0, 0
	return func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
		var denoised *tensor.Tensor
		err := e.chunks(ctx, end-start, func(a, b int) error {
			denoise, err := e.guided(plan, class[start+a:start+b])
			if err != nil {
				return err
			}
			d, err := denoise(x.Rows(a, b), sigma)
			if err != nil {
				return err
			}
			if denoised == nil { // with the channels of learned variances, if there are any
				denoised = tensor.New(end-start, d.Shape[1], d.Shape[2], d.Shape[3])
			}
			copy(denoised.Rows(a, b).Data, d.Data)
			return nil
		})
		if err != nil {
			return nil, err
		}
		evaluations++
		if onFrame != nil {
			// The evaluations of an adaptive sampler are known only when it is done: the
			// noise levels that it has reached stand for them.
			if plan.method.Adaptive {
				step = max(step, plan.reached(sigma))
				done = step * plan.NFE / plan.Walk
			} else {
				step, done = evaluations*plan.Walk/plan.NFE, evaluations
			}
			image, _ := diffusion.SplitChannels(denoised, x.Shape[3])
			onFrame(Frame{
				Step: step, Steps: plan.Walk,
				Done: start*plan.NFE + done*(end-start), Total: *plan.N * plan.NFE,
				First: start, Sigma: sigma, X: x, Denoised: image,
			})
		}
		return denoised, nil
	}, &evaluations
}
