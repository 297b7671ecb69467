package dataset

import (
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shades returns a folder with gray pictures of 2×2 pixels: the level of each by its path.
func shades(t *testing.T, levels map[string]uint8, labels string) string {
	t.Helper()
	files := map[string][]byte{}
	for name, level := range levels {
		files[name] = pngOf(t, fill(2, 2, color.Gray{level}))
	}
	if labels != "" {
		files[labelsFile] = []byte(labels)
	}
	return tree(t, files)
}

// Classes are the labels of dataset.json, where EDM's tools wrote one, and not its folders,
// which only divide many files.
func TestLabelsOfEDM(t *testing.T) {
	levels := map[string]uint8{"00000/img0.png": 10, "00000/img1.png": 20, "00001/img2.png": 30, "00001/img3.png": 40}
	d, err := Load(shades(t, levels, `{"labels": [["00000/img0.png", 7], ["00000/img1.png", 1], ["00001/img2.png", 7], ["00001/img3.png", 1]]}`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Classes, []string{"1", "7"}) {
		t.Errorf("classes are %q, want 1 and 7", d.Classes)
	}
	for i, label := range d.Labels {
		if odd := d.Image(i)[0]/10%2 == 1; odd != (label == 1) {
			t.Errorf("the picture of level %d has class %q", d.Image(i)[0], d.Classes[label])
		}
	}
	if d, err := Load(shades(t, levels, `{"labels": null}`), Options{}); err != nil || d.Classes != nil || d.Labels != nil || d.Len() != 4 {
		t.Errorf("without labels: got %+v, %v, want 4 pictures without classes", d, err)
	}
	for labels, want := range map[string]string{
		`{"labels": [["00000/img0.png", 7]]}`:   `there is no label for the picture "00000/img1.png"`,
		`{"labels": [["00000/img0.png", 1.5]]}`: "labels[0] must be a pair of a path and a number",
		`{"labels": [["00000/img0.png"]]}`:      "labels[0] must be a pair of a path and a number",
		`{"labels": [["00000/img0.png", -1]]}`:  "labels[0] must be a pair of a path and a number",
		`{"labels": 3}`:                         "must be an object with the member labels",
		`[`:                                     "must be an object with the member labels",
	} {
		if _, err := Load(shades(t, levels, labels), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want one with %q", labels, err, want)
		}
	}
}

// Symbolic links to pictures and to folders are followed; a loop is an error.
func TestSymbolicLinks(t *testing.T) {
	elsewhere := shades(t, map[string]uint8{"one.png": 10, "many/a.png": 20, "many/deep/b.png": 30}, "")
	dir := t.TempDir()
	link := func(to, from string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, from)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Skipf("symbolic links: %v", err)
		}
	}
	link(filepath.Join(elsewhere, "one.png"), "cats/linked.png")
	link(filepath.Join(elsewhere, "many"), "dogs")
	link(filepath.Join(elsewhere, "nothing.txt"), "dangling.txt")
	d, err := Load(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Classes, []string{"cats", "dogs"}) || !slices.Equal(d.Labels, []int{0, 1, 1}) {
		t.Errorf("got classes %q, labels %v, want a cat and two dogs", d.Classes, d.Labels)
	}
	link(filepath.Join(elsewhere, "nothing.png"), "cats/dangling.png")
	if _, err := Load(dir, Options{}); err == nil || !strings.Contains(err.Error(), "leads to nothing") {
		t.Errorf("a link to no picture: got %v", err)
	}
	os.Remove(filepath.Join(dir, "cats/dangling.png"))
	link("..", "cats/loop")
	if _, err := Load(dir, Options{}); err == nil || !strings.Contains(err.Error(), "leads to a folder that contains it") {
		t.Errorf("a loop: got %v", err)
	}
}
