package train

import (
	"math"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/likelihood"
	"tweedie/core/tensor"
)

// VLB and the bound of core/likelihood, which share no formula, agree for any output of
// the network: T·L_t per value, in nats.
func TestVLBEqualsTheBound(t *testing.T) {
	const T, C, pixels = 12, 2, 6
	chain, err := diffusion.NewChain(diffusion.Schedule{Kind: diffusion.Cosine, Steps: T})
	if err != nil {
		t.Fatal(err)
	}
	predicts, err := diffusion.NewPredictor(diffusion.PredictX0, chain)
	if err != nil {
		t.Fatal(err)
	}
	loss := &VLB{Chain: chain, Parametrization: predicts, Objective: LSimple{chain}, Lambda: 1, Channels: C}
	b := NewBatch(1, C*pixels, 2*C*pixels, 0)
	x0, answer := tensor.New(1, 1, pixels, C), tensor.New(1, 1, pixels, 2*C)
	for i := range x0.Data {
		x0.Data[i] = likelihood.Level(uint8(255 * i / len(x0.Data)))
	}
	copy(b.Clean, x0.Data)
	b.N, b.Draw = 1, []uint64{0}
	for seed := range uint64(60) {
		for i := range answer.Data { // D near x₀, and v from −1.2 to 1.2
			answer.Data[i] = float32(2.4*uniform(seed, uint64(i), 7) - 1.2)
			if i%(2*C) < C {
				answer.Data[i] = x0.Data[i/(2*C)*C+i%(2*C)] + 0.05*answer.Data[i]
			}
		}
		b.Seed, b.Out = seed, answer.Data
		if err := loss.Prepare(b); err != nil {
			t.Fatal(err)
		}
		loss.Evaluate(b)
		at, err := chain.Time(b.Sigma[0])
		if err != nil {
			t.Fatal(err)
		}
		terms, err := likelihood.BoundTerm(func(*tensor.Tensor, float32) (*tensor.Tensor, error) { return answer, nil },
			chain, x0, int(at), likelihood.BoundSettings{})
		if err != nil {
			t.Fatal(err)
		}
		want, bound := terms[0]*T/(C*pixels), 1e-5
		if at == 0 {
			bound = 1e-2 // VLB has β̃ of the step before in the coordinates of x, wider by 1/ᾱ₀
		}
		if !(math.Abs(b.Loss[0]-want) <= bound*want) {
			t.Errorf("step %g: VLB has %g, the bound %g", at, b.Loss[0], want)
		}
	}
}
