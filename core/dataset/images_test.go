package dataset

import (
	"bytes"
	"image"
	"image/color"
	"strings"
	"testing"

	"tweedie/core/picture"
)

func TestFromImages(t *testing.T) {
	black, white := fill(2, 2, color.Black), fill(6, 4, color.White)
	d, err := FromImages([]image.Image{black, white}, []int{1, 0}, []string{"light", "dark"}, [3]int{1, 2, 2}, picture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != 2 || d.Labels[0] != 1 || !bytes.Equal(d.Images, []byte{0, 0, 0, 0, 255, 255, 255, 255}) {
		t.Errorf("got %+v", d)
	}
	for want, f := range map[string]func() error{
		"at least one": func() error { _, err := FromImages(nil, nil, nil, [3]int{1, 2, 2}, picture.Options{}); return err },
		"a label for each of 1": func() error {
			_, err := FromImages([]image.Image{black}, nil, []string{"a"}, [3]int{1, 2, 2}, picture.Options{})
			return err
		},
		"picture 0 must not be nil": func() error {
			_, err := FromImages([]image.Image{nil}, nil, nil, [3]int{1, 2, 2}, picture.Options{})
			return err
		},
		"between 0 and 0 (got 1)": func() error {
			_, err := FromImages([]image.Image{black}, []int{1}, []string{"a"}, [3]int{1, 2, 2}, picture.Options{})
			return err
		},
		"channels (got 2)": func() error {
			_, err := FromImages([]image.Image{black}, nil, nil, [3]int{2, 2, 2}, picture.Options{})
			return err
		},
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
