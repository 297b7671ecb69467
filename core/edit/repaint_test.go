package edit

import (
	"slices"
	"testing"

	"tweedie/core/sampler"
	"tweedie/core/tensor"
)

// Indices of sigmas, 0 is the noisiest. The published schedule for as many steps visits
// the same levels, counted from the other end.
func TestSegments(t *testing.T) {
	for _, c := range []struct {
		name  string
		r     RePaint
		steps int
		want  []segment
	}{
		{"none", RePaint{}, 5, []segment{{0, 5}}},
		{"once", RePaint{Resamplings: 1, Jump: 2}, 5, []segment{{0, 5}}},
		{"one step", RePaint{}, 1, []segment{{0, 1}}},
		{"jumps of one", RePaint{Resamplings: 2, Jump: 1}, 3, []segment{{0, 1}, {0, 2}, {1, 3}}},
		{"jumps of two", RePaint{Resamplings: 3, Jump: 2}, 5, []segment{{0, 2}, {0, 2}, {0, 4}, {2, 4}, {2, 5}}},
		{"levels left over above", RePaint{Resamplings: 2, Jump: 2}, 6, []segment{{0, 3}, {1, 5}, {3, 6}}},
		{"the longest", RePaint{Resamplings: 2, Jump: 4}, 5, []segment{{0, 4}, {0, 5}}},
		{"default", RePaint{Resamplings: 2}, 25, []segment{{0, 14}, {4, 24}, {14, 25}}},
		{"default of few", RePaint{Resamplings: 2}, 3, []segment{{0, 2}, {0, 3}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.r.segments(c.steps)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
		})
	}
}

// NFE and Steps are exact, and every draw has a different stream, none of them unused.
func TestStreamsOfRePaint(t *testing.T) {
	for _, c := range []struct {
		name  string
		r     RePaint
		steps int
	}{
		{"none", RePaint{}, 4},
		{"one step", RePaint{}, 1},
		{"jumps of two", RePaint{Resamplings: 3, Jump: 2}, 5},
		{"jumps of one", RePaint{Resamplings: 4, Jump: 1}, 7},
		{"jumps of three", RePaint{Resamplings: 2, Jump: 3}, 8},
	} {
		for _, m := range sampler.Methods {
			t.Run(c.name+"/"+m.Name, func(t *testing.T) {
				inner := sampler.NewNoise(1, 0, 1, 2, 2, 1)
				var drawn []uint32
				seen := map[uint32]bool{}
				noise := func(stream uint32) *tensor.Tensor {
					if drawn = append(drawn, stream); stream < sampler.StreamPath && seen[stream] {
						t.Errorf("stream %d is drawn twice", stream)
					}
					seen[stream] = true
					return inner(stream)
				}
				nfe := 0
				_, err := Inpaint(sampler.Settings{Method: m.Name}, c.r, func(x *tensor.Tensor, sigma float32) (*tensor.Tensor, error) {
					nfe++
					return law.denoise(x, sigma)
				}, image, lower, karras(t, c.steps), noise)
				if err != nil {
					t.Fatal(err)
				}
				if want := c.r.NFE(m, sampler.Options{}, c.steps); nfe != want && !(m.Adaptive && nfe > want) && !(m.Name == "restart" && nfe < want) {
					t.Errorf("%d calls of the denoiser, want %d", nfe, want)
				}
				walk, _ := c.r.segments(c.steps)
				want := []uint32{sampler.StreamStart}
				done := uint32(0)
				for k, w := range walk {
					if k > 0 {
						want = append(want, StreamJump+uint32(k-1))
					}
					for range w.to - w.from {
						if last := k == len(walk)-1 && int(done) == c.r.Steps(c.steps)-1; !last {
							if m.Noise && !m.Adaptive && m.Name != "annealed-langevin" && m.Name != "restart" {
								want = append(want, sampler.StreamStep+done)
							}
							want = append(want, StreamKnown+done)
						}
						done++
					}
				}
				// Additional streams of a method are tested in package sampler.
				drawn = slices.DeleteFunc(drawn, func(stream uint32) bool { return stream >= sampler.StreamInner })
				if !slices.Equal(drawn, want) {
					t.Errorf("drew streams %d, want %d", drawn, want)
				}
			})
		}
	}
}
