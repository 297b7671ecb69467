package floattest

import (
	"math"
	"testing"
)

// recorder is a test that notes its failure, which ends it.
type recorder struct{ testing.TB }

type failure struct{}

func (recorder) Helper()               {}
func (recorder) Fatalf(string, ...any) { panic(failure{}) }

// fails reports whether a comparison fails its test.
func fails(compare func(t testing.TB)) (failed bool) {
	defer func() { failed = recover() == failure{} }()
	compare(recorder{})
	return false
}

func TestSameBits(t *testing.T) {
	nan, payload := float32(math.NaN()), math.Float32frombits(0x7fc01234)
	for _, c := range []struct {
		name      string
		got, want []float32
		fails     bool
	}{
		{"nothing", nil, []float32{}, false},
		{"same", []float32{1, -2}, []float32{1, -2}, false},
		{"last bit", []float32{1}, []float32{math.Nextafter32(1, 2)}, true},
		{"opposite signs", []float32{1}, []float32{-1}, true},
		{"zeros of opposite signs", []float32{float32(math.Copysign(0, -1))}, []float32{0}, true},
		{"two NaN", []float32{nan}, []float32{payload}, false},
		{"a NaN", []float32{nan}, []float32{0}, true},
		{"no NaN", []float32{0}, []float32{nan}, true},
		{"shorter", []float32{1}, []float32{1, 2}, true},
		{"longer", []float32{1, 2}, []float32{1}, true},
	} {
		if got := fails(func(t testing.TB) { SameBits(t, "x", c.got, c.want) }); got != c.fails {
			t.Errorf("%s: fails is %v, want %v", c.name, got, c.fails)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		name  string
		got   []float32
		want  []float64
		bound float64
		fails bool
	}{
		{"at the bound", []float32{1, 2}, []float64{1.5, 1.5}, 0.5, false},
		{"beyond", []float32{1}, []float64{1.6}, 0.5, true},
		{"opposite signs", []float32{-1}, []float64{1}, 1, true},
		{"a NaN", []float32{float32(math.NaN())}, []float64{1}, math.Inf(1), true},
		{"want a NaN", []float32{1}, []float64{math.NaN()}, math.Inf(1), true},
		{"bound a NaN", []float32{1}, []float64{1}, math.NaN(), true},
		{"shorter", []float32{1}, []float64{1, 2}, 1, true},
		{"longer", []float32{1, 2}, []float64{1}, 1, true},
	} {
		if got := fails(func(t testing.TB) { Within(t, "x", c.got, c.want, c.bound) }); got != c.fails {
			t.Errorf("%s: fails is %v, want %v", c.name, got, c.fails)
		}
	}
}
