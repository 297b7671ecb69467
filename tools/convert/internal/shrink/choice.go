package shrink

import (
	"cmp"
	"math"

	"tweedie/core/quant"
	"tweedie/weights"
)

// choice is a way to store a layer's weights: int4, or int8 with this step, or a larger
// one for rows whose largest weight asks for it, being so many steps (0 means 127).
type choice struct {
	int4   bool
	step   float32
	levels int
}

// grid returns the codes of the choice for l, and their scales as a tensor has them.
// importance is the mean square of each column's inputs, nil if unknown.
func (c choice) grid(l *layer, importance []float32) (g *grid, scales []float32) {
	if c.int4 {
		groups := quant.Groups(l.cols)
		scales = make([]float32, l.rows*groups)
		for i := range scales {
			r, from := i/groups, i%groups*quant.Group
			to := min(l.cols, from+quant.Group)
			var weigh []float32
			if importance != nil {
				weigh = importance[from:to]
			}
			scales[i] = quant.Int4Scale(l.w[r*l.cols+from:r*l.cols+to], weigh)
		}
		scale := func(i int) float32 { return scales[i/l.cols*groups+i%l.cols/quant.Group] }
		return &grid{scale, quant.MinInt4, quant.MaxInt4}, scales
	}
	levels := float32(cmp.Or(c.levels, quant.MaxCode))
	scales = make([]float32, l.rows)
	for r := range scales {
		var largest float32
		for _, v := range l.w[r*l.cols : (r+1)*l.cols] {
			largest = max(largest, float32(math.Abs(float64(v))))
		}
		scales[r] = min(max(largest/levels, c.step), quant.MaxScale)
	}
	return &grid{func(i int) float32 { return scales[i/l.cols] }, -quant.MaxCode, quant.MaxCode}, scales
}

// tensor returns the layer's weights as these codes and scales.
func (c choice) tensor(l *layer, codes []int8, scales []float32) weights.Tensor {
	t := weights.Tensor{Name: l.name, DType: weights.I8, Shape: l.shape, Scale: scales}
	if c.int4 {
		t.DType, t.Data = weights.I4, make([]byte, (l.rows+1)/2*l.cols)
		quant.PackInt4(t.Data, codes, l.rows)
		return t
	}
	t.Data = bytesOf(codes)
	return t
}

// option is a choice with what it costs and does.
type option struct {
	choice
	bytes float64
	error float64 // of the denoised image
}

// finer is the ratio of a step of int8 that is tried to the next coarser one: 2^(−1/4).
const finer = 0.8408964152537145

// options returns the ways to store l. sensitivity is the error of D for a mean squared
// error of 1 in the weights.
func (l *layer) options(sensitivity float64) []option {
	some := *l // so many weights tell size and error
	if rows := max(2, 4*sampled/l.cols); rows < l.rows {
		some.rows, some.w = rows, l.w[:rows*l.cols]
	}
	share := float64(l.rows) / float64(some.rows)
	largest := 0.0
	for _, v := range l.w {
		largest = max(largest, math.Abs(float64(v)))
	}
	with := func(c choice) option { return option{c, share * some.bytes(c), sensitivity * some.error(c)} }
	all := []option{with(choice{int4: true})}
	for s, least := l.rms(), largest/quant.MaxCode; ; s *= finer {
		all = append(all, with(choice{step: float32(max(s, least))}))
		if s <= least {
			return all
		}
	}
}

// rms returns the root of the weights' mean square.
func (l *layer) rms() float64 {
	sum := 0.0
	for _, v := range l.w {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(l.w)))
}

// error returns the mean squared error of weights stored as c.
func (l *layer) error(c choice) float64 {
	g, _ := c.grid(l, nil)
	sum := 0.0
	for i, v := range l.w {
		_, value := g.code(float64(v), g.scale(i))
		d := float64(v) - value
		sum += float64(d * d)
	}
	return sum / float64(len(l.w))
}

// bytes estimates what the layer takes in a file: its bytes in a Huffman code.
func (l *layer) bytes(c choice) float64 {
	g, scales := c.grid(l, nil)
	t := c.tensor(l, g.plain(l.w), scales)
	if !c.int4 {
		return coded(t.Data) + float64(l.rows)
	}
	var low, high []byte
	for _, s := range scales {
		bits := math.Float32bits(s) >> 13
		low, high = append(low, byte(bits)), append(high, byte(bits>>8))
	}
	return coded(t.Data) + coded(low) + coded(high)
}

// allocate chooses for every layer among its options: the least error in all that
// takes no more than so many bytes, or the fewest bytes there are.
func allocate(layers [][]option, bytes float64) []choice {
	low, high := 1e-30, 1e10 // of λ: nothing counts but errors, or but bytes
	for range 60 {
		middle := math.Sqrt(low * high)
		if _, size := pick(layers, middle); size > bytes {
			low = middle
		} else {
			high = middle
		}
	}
	choices, _ := pick(layers, high)
	return choices
}

// pick returns each layer's option of the least error + λ·bytes, and all their bytes.
func pick(layers [][]option, lambda float64) (choices []choice, bytes float64) {
	for _, options := range layers {
		best := options[0]
		for _, o := range options[1:] {
			if o.error+lambda*o.bytes < best.error+lambda*best.bytes {
				best = o
			}
		}
		choices, bytes = append(choices, best.choice), bytes+best.bytes
	}
	return choices, bytes
}
