package picture

import (
	"slices"
	"testing"
)

// square returns an RGBA picture of n × n pixels with a stroke in the middle columns.
func square(n int, paper, stroke [4]uint8) RGBA {
	p := RGBA{n, n, make([]uint8, 4*n*n)}
	for i := range n * n {
		c := paper
		if x := i % n; x >= n/2-1 && x <= n/2 && i/n > 0 && i/n < n-1 {
			c = stroke
		}
		copy(p.Pix[4*i:], c[:])
	}
	return p
}

// TestLevels: a dark stroke on grey paper becomes white on black, and nothing is stretched
// where there is nothing to see.
func TestLevels(t *testing.T) {
	shape := [3]int{1, 8, 8}
	grey := func(v uint8) [4]uint8 { return [4]uint8{v, v, v, 255} }
	f, err := Fit(square(8, grey(200), grey(60)), shape, Options{Invert: InvertAuto, Levels: LevelsAuto})
	if err != nil || !f.Inverted {
		t.Fatalf("%+v, %v", f, err)
	}
	if f.Pix[0] != 0 || f.Pix[3*8+4] != 255 {
		t.Errorf("paper is %d and the stroke %d, want 0 and 255", f.Pix[0], f.Pix[3*8+4])
	}
	plain, err := Fit(square(8, grey(200), grey(60)), shape, Options{Invert: InvertAuto})
	if err != nil || plain.Pix[0] != 55 || plain.Pix[3*8+4] != 195 {
		t.Errorf("without levels: %d and %d, %v", plain.Pix[0], plain.Pix[3*8+4], err)
	}
	for _, o := range []Options{{}, {Levels: LevelsAuto}} {
		f, err := Fit(square(8, grey(100), grey(110)), shape, o)
		if err != nil || f.Pix[0] != 100 || f.Pix[3*8+4] != 110 {
			t.Errorf("%+v: a faint stroke: %d and %d, %v", o, f.Pix[0], f.Pix[3*8+4], err)
		}
	}
	colour, err := Fit(square(8, grey(200), grey(60)), [3]int{3, 8, 8}, Options{Levels: LevelsAuto})
	if err != nil || colour.Pix[0] != 200 {
		t.Errorf("colour: %d, %v", colour.Pix[0], err)
	}
	if err := (Options{Levels: "yes"}).Validate(); err == nil {
		t.Error("levels yes is valid")
	}
}

// TestBackgroundAuto: white strokes on nothing are drawn on black, dark ones on white.
func TestBackgroundAuto(t *testing.T) {
	shape := [3]int{1, 8, 8}
	for _, c := range []struct {
		name          string
		paper, stroke [4]uint8
		under         uint8
	}{
		{"light on nothing", [4]uint8{}, [4]uint8{255, 255, 255, 255}, 0},
		{"dark on nothing", [4]uint8{}, [4]uint8{20, 20, 20, 255}, 255},
		{"light on white nothing", [4]uint8{255, 255, 255, 0}, [4]uint8{250, 250, 250, 255}, 0},
		{"opaque", [4]uint8{90, 90, 90, 255}, [4]uint8{250, 250, 250, 255}, 90},
	} {
		p := square(8, c.paper, c.stroke)
		f, err := Fit(p, shape, Options{Background: BackgroundAuto})
		if err != nil || f.Pix[0] != c.under {
			t.Errorf("%s: background %d, want %d, %v", c.name, f.Pix[0], c.under, err)
		}
		g, err := FitImage(Image(p.Pix, 8, 8, 4), shape, Options{Background: BackgroundAuto})
		if err != nil || !slices.Equal(f.Pix, g.Pix) {
			t.Errorf("%s: FitImage differs from Fit, %v", c.name, err)
		}
	}
}

// TestMaskOfTruthValues: levels 0 and 1 alone are black and white.
func TestMaskOfTruthValues(t *testing.T) {
	shape := [3]int{1, 8, 8}
	for _, c := range []struct{ stroke, want uint8 }{{1, 255}, {255, 255}, {2, 2}, {0, 0}} {
		p := square(8, [4]uint8{0, 0, 0, 255}, [4]uint8{c.stroke, c.stroke, c.stroke, 255})
		before := slices.Clone(p.Pix)
		m, err := Mask(p, shape, Options{})
		if err != nil || m[3*8+4] != c.want || m[0] != 0 {
			t.Errorf("level %d: the mask has %d, want %d, %v", c.stroke, m[3*8+4], c.want, err)
		}
		n, err := MaskImage(Image(p.Pix, 8, 8, 4), shape, Options{})
		if err != nil || !slices.Equal(m, n) || !slices.Equal(p.Pix, before) {
			t.Errorf("level %d: MaskImage differs, or the picture was changed, %v", c.stroke, err)
		}
		if got := Binary(Image(p.Pix, 8, 8, 4)); got != (c.stroke == 1) {
			t.Errorf("level %d: Binary is %v", c.stroke, got)
		}
	}
}
