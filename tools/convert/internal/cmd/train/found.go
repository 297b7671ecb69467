package train

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"tweedie/core/dataset"
	"tweedie/tools/convert/internal/cmd/flags"
)

// A class of fewer pictures is hardly learned.
const fewOfClass = 20

// found says what pictures were found at path, a line each, with warnings about what may be wrong.
func found(path string, set *dataset.Dataset, how *flags.Data) []string {
	lines := []string{fmt.Sprintf("%s: %d pictures of %dx%d (height x width), %s", filepath.Base(filepath.Clean(path)), set.Len(), set.H, set.W, map[int]string{1: "grey", 3: "RGB", 4: "RGBA"}[set.C])}
	if f := set.Found; f != nil {
		lines = append(lines, files(f, set, how)...)
	}
	return append(lines, classes(set)...)
}

// files says what is known of the files.
func files(f *dataset.Found, set *dataset.Dataset, how *flags.Data) []string {
	var lines []string
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	var formats []string
	for _, name := range slices.Sorted(maps.Keys(f.Formats)) {
		formats = append(formats, fmt.Sprintf("%d %s", f.Formats[name], strings.ToUpper(name)))
	}
	text := strings.Join(formats, ", ")
	if size := [2]int{set.H, set.W}; f.Low != size || f.High != size {
		text += fmt.Sprintf(" of %dx%d to %dx%d, resized (--fit %s)", f.Low[0], f.Low[1], f.High[0], f.High[1], cmp.Or(how.Fit, "crop"))
	}
	say("files: %s", text)
	if f.Transparent > 0 && set.C == 4 {
		say("pictures with transparent pixels: %d; transparency is the fourth channel", f.Transparent)
	} else if f.Transparent > 0 {
		say("pictures with transparent pixels: %d; the colour under these is grey level %d (--background; --channels 4 trains transparency)", f.Transparent, how.Background)
	}
	if f.Turned > 0 {
		say("turned upright by their Exif orientation: %d", f.Turned)
	}
	if n := len(f.Skipped); n > 0 {
		say("warning: skipped %d unreadable: %s", n, some(f.Skipped, "; "))
	}
	if n := len(f.Other); n > 0 {
		say("ignored, since not pictures: %d: %s", n, some(f.Other, ", "))
	}
	if f.Hidden > 0 {
		say("ignored, since hidden: %d", f.Hidden)
	}
	if f.Repeated > 0 {
		say("warning: pictures that are the same as others: %d", f.Repeated)
	}
	if n := len(f.Copies); n > 0 {
		say("warning: names that look like copies: %d: %s", n, some(f.Copies, ", "))
	}
	return lines
}

// classes says which classes there are.
func classes(set *dataset.Dataset) []string {
	if len(set.Classes) == 0 {
		return []string{"classes: none"}
	}
	sizes := set.ClassSizes()
	var each, few []string
	for i, name := range set.Classes {
		each = append(each, fmt.Sprintf("%s %d", name, sizes[i]))
		if sizes[i] < fewOfClass {
			few = append(few, fmt.Sprintf("%s (%d)", name, sizes[i]))
		}
	}
	source := "sub-folders"
	if set.Found == nil {
		source = "labels"
	} else if set.Found.Listing != "" {
		source = set.Found.Listing
	}
	lines := []string{fmt.Sprintf("classes: %d, from %s: %s", len(each), source, some(each, ", "))}
	if len(few) > 0 {
		lines = append(lines, fmt.Sprintf("warning: classes with fewer than %d pictures are hardly learned: %s", fewOfClass, some(few, ", ")))
	}
	if names := dataset.Leftovers(set.Classes); len(names) > 0 {
		lines = append(lines, fmt.Sprintf("warning: these names of classes look like leftovers: %s; rename or remove the folders", some(names, ", ")))
	}
	return lines
}

// some returns up to 12 texts, and how many more there are.
func some(texts []string, between string) string {
	const most = 12
	if len(texts) <= most {
		return strings.Join(texts, between)
	}
	return strings.Join(texts[:most], between) + fmt.Sprintf("%sand %d more", between, len(texts)-most)
}
