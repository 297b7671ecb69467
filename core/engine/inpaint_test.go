package engine

import (
	"bytes"
	"context"
	"testing"
)

// testPicture is 3×4 pixels in two channels with every byte another; testMask
// repaints its right half, and one pixel by half.
func testPicture() Picture {
	p := Picture{Height: 3, Width: 4, Channels: 2}
	for i := range 24 {
		p.Data = append(p.Data, uint8(i*10))
	}
	return p
}

func testMask() Picture {
	return Picture{Height: 3, Width: 4, Channels: 1, Data: []uint8{
		0, 0, 255, 255,
		0, 0, 255, 255,
		0, 128, 255, 255,
	}}
}

// TestInpaintKeeps: where the mask is 0 every result has the bytes of the image,
// elsewhere the results differ; resampled or not, and however the batch is split.
func TestInpaintKeeps(t *testing.T) {
	image, mask := testPicture(), testMask()
	for _, r := range []Request{
		{N: new(5), Seed: 2},
		{N: new(5), Seed: 2, Sampler: "ddpm", Resample: new(3), Jump: new(2)},
	} {
		e := New(testInfo(), newGaussian(), Options{Chunk: 2, Group: 3})
		steps := 0
		out, err := e.Inpaint(context.Background(), r, image, mask, func(f Frame) { steps = f.Step })
		if err != nil {
			t.Fatal(err)
		}
		if steps != out.Plan.Walk {
			t.Errorf("last frame at step %d, want %d", steps, out.Plan.Walk)
		}
		for i := range 5 {
			row := out.Pixels[i*24 : (i+1)*24]
			for at, b := range row {
				if mask.Data[at/2] == 0 && b != image.Data[at] {
					t.Errorf("image %d: byte %d is %d, want %d", i, at, b, image.Data[at])
				}
			}
			if i > 0 && bytes.Equal(row, out.Pixels[:24]) {
				t.Errorf("image %d is image 0", i)
			}
		}
		r.First, r.N = 3, new(2)
		rest, err := New(testInfo(), newGaussian(), Options{}).Inpaint(context.Background(), r, image, mask, nil)
		if err != nil || !bytes.Equal(rest.Pixels, out.Pixels[3*24:]) {
			t.Errorf("part of the batch: other bytes, %v", err)
		}
	}
}

func TestInpaintErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		alter func(image, mask *Picture)
		want  string
	}{
		{"image of another size", func(p, _ *Picture) { p.Height = 2 }, "engine: image must be 3×4×2 (height, width, channels; got 2×4×2)"},
		{"image in gray", func(p, _ *Picture) { p.Channels = 1 }, "engine: image must be 3×4×2 (height, width, channels; got 3×4×1)"},
		{"image cut short", func(p, _ *Picture) { p.Data = p.Data[:9] }, "engine: image must have 24 bytes for 3×4×2 (height, width, channels; got 9 bytes)"},
		{"mask of another size", func(_, m *Picture) { m.Width = 9 }, "engine: mask must be 3×4×1 (height, width, channels; got 3×9×1)"},
		{"mask cut short", func(_, m *Picture) { m.Data = nil }, "engine: mask must have 12 bytes for 3×4×1 (height, width, channels; got 0 bytes)"},
		{"mask of nothing", func(_, m *Picture) { clear(m.Data) }, "edit: mask: at least one of the 3×4 pixels must be above 0, to be repainted (got all 0)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			image, mask := testPicture(), testMask()
			c.alter(&image, &mask)
			_, err := New(testInfo(), newGaussian(), Options{}).Inpaint(context.Background(), Request{}, image, mask, nil)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
