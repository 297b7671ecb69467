package quantize

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tweedie/core/quant"
)

// correlated returns rows of inputs with a common component, like neighbouring pixels.
func correlated(rng *rand.Rand, count, cols int) []float32 {
	out := make([]float32, count*cols)
	for i := range count {
		common := rng.NormFloat64()
		for j := range cols {
			out[i*cols+j] = float32(common + 0.3*rng.NormFloat64())
		}
	}
	return out
}

// rowsOf returns rows with the given number of columns as inputs.
func rowsOf(rows []float32, cols int) inputs {
	return inputs{len(rows) / cols, func(low, high int) (out []float32) {
		for i := 0; i < len(rows); i += cols {
			out = append(out, rows[i+low:i+high]...)
		}
		return out
	}}
}

func normal(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// outputError returns the mean squared error of inputs·(w − codes·scale)ᵀ.
func outputError(w []float32, codes []int8, scale float32, inputs []float32, cols int) float64 {
	sum := 0.0
	for r := range len(w) / cols {
		for i := range len(inputs) / cols {
			e := 0.0
			for j := range cols {
				e += float64(inputs[i*cols+j]) * (float64(w[r*cols+j]) - float64(codes[r*cols+j])*float64(scale))
			}
			sum += e * e
		}
	}
	return sum / float64(len(w)/cols*len(inputs)/cols)
}

func TestCholesky(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n = 13
	h := moments(normal(rng, 40*n), 40, n)
	u := slices.Clone(h)
	cholesky(u, n)
	for i := range n {
		for j := range n {
			sum := 0.0
			for k := range min(i, j) + 1 {
				sum += u[k*n+i] * u[k*n+j]
			}
			if diff := math.Abs(sum - h[i*n+j]); !(diff <= 1e-12) {
				t.Fatalf("UᵀU [%d,%d] is %g, want %g", i, j, sum, h[i*n+j])
			}
		}
	}
}

// TestFeedbackReducesError: with correlated inputs, feedback reduces the error of outputs, also
// on new inputs of the same distribution, and with several blocks of columns.
func TestFeedbackReducesError(t *testing.T) {
	for _, cols := range []int{36, 2*blockCols + 5} {
		rng := rand.New(rand.NewPCG(2, uint64(cols)))
		const rows, scale = 4, 0.5
		w, seen, fresh := normal(rng, rows*cols), correlated(rng, 400, cols), correlated(rng, 50, cols)
		g := &grid{func(int) float32 { return scale }, -quant.MaxCode, quant.MaxCode}
		plain, fed := g.nearest(w), g.feedback(w, cols, rowsOf(seen, cols))
		before, after := outputError(w, plain, scale, fresh, cols), outputError(w, fed, scale, fresh, cols)
		if !(after < before/2) {
			t.Errorf("%d columns: error %g with feedback, %g without", cols, after, before)
		}
	}
}

// TestFeedbackIsNearest: with uncorrelated inputs, feedback rounds to nearest.
func TestFeedbackIsNearest(t *testing.T) {
	const cols = 8
	inputs := make([]float32, cols*cols)
	for i := range cols {
		inputs[i*cols+i] = float32(1 + i)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	w := normal(rng, 5*cols)
	g := &grid{func(int) float32 { return 0.25 }, -quant.MaxCode, quant.MaxCode}
	if got, want := g.feedback(w, cols, rowsOf(inputs, cols)), g.nearest(w); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestFeedbackOfDeadInputs: columns whose inputs are always 0 are rounded to nearest.
func TestFeedbackOfDeadInputs(t *testing.T) {
	w := []float32{0.3, -0.7, 0.2, 0.9}
	g := &grid{func(int) float32 { return 0.5 }, -8, 7}
	if got, want := g.feedback(w, 4, rowsOf(make([]float32, 12), 4)), g.nearest(w); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCorrected(t *testing.T) {
	before, after := []float32{1, 10, 3, 20}, []float32{0, 11, 1, 19}
	got := corrected([]float32{5, 6}, before, after)
	if !slices.Equal(got, []float32{6.5, 6}) || !slices.Equal(after, []float32{1.5, 11, 2.5, 19}) {
		t.Errorf("got bias %v, outputs %v", got, after)
	}
}
