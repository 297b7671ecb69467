package train

import (
	"slices"
	"strings"
	"testing"

	"tweedie/core/dataset"
	"tweedie/tools/convert/internal/cmd/flags"
)

// What was found is said with its numbers, and what may be a mistake is a warning.
func TestFound(t *testing.T) {
	set := &dataset.Dataset{H: 4, W: 4, C: 3, Classes: []string{"cats", "New Folder"}, Images: make([]uint8, 30*48), Labels: make([]int, 30)}
	set.Labels[29] = 1
	set.Found = &dataset.Found{
		Formats: map[string]int{"png": 29, "gif": 1}, Low: [2]int{4, 4}, High: [2]int{8, 6}, Transparent: 3, Turned: 2, Repeated: 5,
		Skipped: []string{`"x.png": not readable`}, Other: []string{"Thumbs.db"}, Hidden: 1,
	}
	text := strings.Join(found("my/pictures/", set, &flags.Data{}), "\n")
	for _, want := range []string{
		"pictures: 30 pictures of 4x4 (height x width), RGB", "1 GIF, 29 PNG of 4x4 to 8x6, resized (--fit crop)", "with transparent pixels: 3",
		"turned upright by their Exif orientation: 2", "warning: pictures that are the same as others: 5", `warning: skipped 1 unreadable: "x.png": not readable`,
		"not pictures: 1: Thumbs.db", "hidden: 1", "classes: 2, from sub-folders: cats 29, New Folder 1",
		"fewer than 20 pictures are hardly learned: New Folder (1)", "look like leftovers: New Folder;",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing says %q:\n%s", want, text)
		}
	}
	plain := &dataset.Dataset{H: 4, W: 4, C: 1, Images: make([]uint8, 16)}
	if lines := found("x", plain, &flags.Data{}); !slices.Equal(lines, []string{"x: 1 pictures of 4x4 (height x width), grey", "classes: none"}) {
		t.Errorf("an idx file: got %q", lines)
	}
}
