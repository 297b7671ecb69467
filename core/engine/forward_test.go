package engine

import (
	"context"
	"slices"
	"testing"
)

// TestForward sends each image with its own time and class through chunks of
// every size; the gaussian's Forward returns t·x + y.
func TestForward(t *testing.T) {
	const n, row = 5, 24
	x, times, labels := make([]float32, n*row), make([]float32, n), make([]int, n)
	want := make([]float32, n*row)
	for i := range x {
		image := i / row
		x[i], times[image], labels[image] = float32(i), float32(image+1), image%4
		want[i] = float32(times[image]*x[i]) + float32(labels[image])
	}
	for chunk := 1; chunk <= n+1; chunk++ {
		got, err := New(testInfo(), newGaussian(), Options{Chunk: chunk}).Forward(context.Background(), x, times, labels)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("chunks of %d: got %v, %v, want %v", chunk, got, err, want)
		}
	}
}

func TestForwardErrors(t *testing.T) {
	plain := testInfo()
	plain.Classes, plain.labels = nil, 0
	for _, c := range []struct {
		name string
		info Info
		x    int
		t    int
		y    []int
		want string
	}{
		{"no times", testInfo(), 0, 0, nil, "engine: t must have one time for each image (got none)"},
		{"too few numbers", testInfo(), 47, 2, nil, "engine: x must have 48 numbers, 2×3×4 (channels, height, width) for each of 2 times (got 47)"},
		{"too few classes", testInfo(), 48, 2, []int{1}, "engine: y must have 2 classes, one for each time (got 1)"},
		{"class out of range", testInfo(), 48, 2, []int{3, 4}, "engine: y[1] must be a class from 0 to 3 (got 4)"},
		{"negative class", testInfo(), 24, 1, []int{-1}, "engine: y[0] must be a class from 0 to 3 (got -1)"},
		{"class of no classes", plain, 24, 1, []int{0}, "engine: y must be absent for a model without classes (got 1 classes)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := New(c.info, newGaussian(), Options{}).Forward(context.Background(), make([]float32, c.x), make([]float32, c.t), c.y)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
