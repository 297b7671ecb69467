package quantize

import (
	"cmp"
	"encoding/binary"
	"math"

	"tweedie/core/num"
	"tweedie/core/quant"
	"tweedie/weights"
)

// choice is a way to store a layer's weights: F16, I4, or I8 with the given step. A row of I8
// whose largest weight is more than levels steps gets a larger step; 0 levels means 127.
type choice struct {
	dtype  weights.DType
	step   float32
	levels int
}

// grid returns the grid of I8 or I4 codes for l, and the scales of its tensor. importance is
// the mean square of each column's inputs, nil if unknown.
func (c choice) grid(l *layer, importance []float32) (g *grid, scales []float32) {
	if c.dtype == weights.I4 {
		groups := quant.Groups(l.cols)
		scales = make([]float32, l.rows*groups)
		for i := range scales {
			r, from := i/groups, i%groups*quant.Group
			to := min(l.cols, from+quant.Group)
			var columns []float32
			if importance != nil {
				columns = importance[from:to]
			}
			scales[i] = quant.Int4Scale(l.w[r*l.cols+from:r*l.cols+to], columns)
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

// tensor returns the layer's weights with these codes and scales.
func (c choice) tensor(l *layer, codes []int8, scales []float32) *weights.Tensor {
	t := &weights.Tensor{Name: l.name, DType: c.dtype, Shape: l.shape, Scale: scales}
	if c.dtype == weights.I4 {
		t.Data = make([]byte, (l.rows+1)/2*l.cols)
		quant.PackInt4(t.Data, codes, l.rows)
	} else {
		t.Data = bytesOf(codes)
	}
	return t
}

// option is a choice with its estimated size and error.
type option struct {
	choice
	bytes float64
	error float64 // of the denoised image
}

// stepRatio is the ratio of one tried step of int8 to the next larger one: 2^(−1/4).
const stepRatio = 0.8408964152537145

// options returns the ways to store l in one of kinds. sensitivity is the error of D for a mean
// squared error of 1 in the weights.
func (l *layer) options(kinds []weights.DType, sensitivity float64) ([]option, error) {
	some := *l // a sample of rows suffices for size and error
	if rows := max(2, 4*sampleSize/l.cols); rows < l.rows {
		some.rows, some.w = rows, l.w[:rows*l.cols]
		some.shape = append([]int{rows}, l.shape[1:]...)
	}
	share := float64(l.rows) / float64(some.rows)
	largest := 0.0
	for _, v := range l.w {
		largest = max(largest, math.Abs(float64(v)))
	}
	var choices []choice
	for _, kind := range kinds {
		switch kind {
		case weights.I8:
			for s, least := l.rms(), largest/quant.MaxCode; ; s *= stepRatio {
				choices = append(choices, choice{dtype: kind, step: float32(max(s, least))})
				if s <= least {
					break
				}
			}
		case weights.F16:
			if largest < 0x1p15 {
				choices = append(choices, choice{dtype: kind})
			}
		default:
			choices = append(choices, choice{dtype: kind})
		}
	}
	var out []option
	for _, c := range choices {
		t, err := some.quantized(c, inputs{})
		if err != nil {
			return nil, err
		}
		numbers, err := numbersOf(t)
		if err != nil {
			return nil, err
		}
		out = append(out, option{c, share * compressedBytes(t), sensitivity * some.error(numbers)})
	}
	return out, nil
}

// rms returns the root mean square of the weights.
func (l *layer) rms() float64 {
	sum := 0.0
	for _, v := range l.w {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(l.w)))
}

// error returns the mean squared error of the stored weights.
func (l *layer) error(stored quant.Numbers) float64 {
	sum := 0.0
	for r := range l.rows {
		for i, v := range stored.Rows(r, r+1, l.rows).Float32() {
			d := float64(l.w[r*l.cols+i]) - float64(v)
			sum += float64(d * d)
		}
	}
	return sum / float64(len(l.w))
}

// compressedBytes estimates the size of a tensor in a file by Huffman codes. The low and high
// bytes of two-byte numbers have separate codes.
func compressedBytes(t *weights.Tensor) float64 {
	planes := func(halves []byte) float64 {
		var low, high []byte
		for i := 0; i < len(halves); i += 2 {
			low, high = append(low, halves[i]), append(high, halves[i+1])
		}
		return huffmanBytes(low) + huffmanBytes(high)
	}
	switch t.DType {
	case weights.F16:
		return planes(t.Data)
	case weights.I4:
		var scales []byte
		for _, s := range t.Scale {
			scales = binary.LittleEndian.AppendUint16(scales, num.ToFloat16(s))
		}
		return huffmanBytes(t.Data) + planes(scales)
	}
	return huffmanBytes(t.Data) + float64(len(t.Scale))
}

// allocate chooses one of the options of every layer: those with the least total error that
// take at most the given number of bytes, or the smallest ones if none do.
func allocate(layers [][]option, bytes float64) []choice {
	low, high := 1e-30, 1e10 // of λ: only errors matter, or only bytes
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

// pick returns, for each layer, the option with the least error + λ·bytes, and the total of
// bytes.
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
