package dataset

import (
	"fmt"
	"hash/maphash"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Found says what was found where pictures were read from.
type Found struct {
	Formats     map[string]int // pictures of each format: png, jpeg, gif, webp, bmp
	Low, High   [2]int         // smallest and largest height and width
	Transparent int            // pictures with transparent pixels
	Turned      int            // pictures turned upright by their Exif orientation
	Repeated    int            // pictures that are the same as an earlier one, as they are trained on
	Skipped     []string       // unreadable pictures with the reason
	Other       []string       // files that are no pictures
	Hidden      int            // files and folders that are hidden
	Listing     string         // the file that the classes are from; "" for folders or none
	Copies      []string       // names of pictures that look like copies of others
}

// add counts a picture.
func (f *Found) add(e *entry) {
	if f.Formats == nil {
		f.Formats = map[string]int{}
		f.Low, f.High = [2]int{e.dims.H, e.dims.W}, [2]int{e.dims.H, e.dims.W}
	}
	f.Formats[e.dims.Format]++
	for i, side := range [2]int{e.dims.H, e.dims.W} {
		f.Low[i], f.High[i] = min(f.Low[i], side), max(f.High[i], side)
	}
	if e.transparent {
		f.Transparent++
	}
	if e.dims.Turned {
		f.Turned++
	}
	if base := strings.TrimSuffix(filepath.Base(e.name), filepath.Ext(e.name)); copyName.MatchString(base) {
		f.Copies = append(f.Copies, e.name)
	}
}

// countRepeated counts pictures that occur before.
func (f *Found) countRepeated(d *Dataset) {
	seen, seed := map[uint64]bool{}, maphash.MakeSeed()
	for i := range d.Len() {
		h := maphash.Bytes(seed, d.Image(i))
		if seen[h] {
			f.Repeated++
		}
		seen[h] = true
	}
}

// Names that file managers give to copies and to folders that nobody has named yet.
var (
	copyName     = regexp.MustCompile(`(?i)(^copy of |[ _-]copy( ?\(?\d+\)?)?$| \(\d+\)$)`)
	leftoverName = regexp.MustCompile(`(?i)^(new folder|untitled folder|untitled|unnamed|temp|tmp|backup|trash|thumbs?|thumbnails|@eadir|cache)( ?\(?\d+\)?)?$`)
)

// Leftovers returns the names of classes that look like leftovers instead of names: New Folder,
// copy, tmp.
func Leftovers(classes []string) []string {
	return slices.DeleteFunc(slices.Clone(classes), func(name string) bool { return !leftoverName.MatchString(name) && !copyName.MatchString(name) })
}

// ClassSizes returns the number of pictures of each class.
func (d *Dataset) ClassSizes() []int {
	sizes := make([]int, len(d.Classes))
	for _, l := range d.Labels {
		sizes[l]++
	}
	return sizes
}

// tolerate removes the entries with errors from entries, if there are at most limit with those that
// were skipped before. Otherwise it returns the first error.
func (f *Found) tolerate(entries []entry, errs []error, limit int) (kept []int, err error) {
	bad := 0
	for i := range entries {
		if errs[i] == nil {
			kept = append(kept, i)
		} else if bad++; err == nil {
			err = errs[i]
		}
	}
	if bad == 0 {
		return kept, nil
	}
	if n := bad + len(f.Skipped); n > limit {
		return nil, fmt.Errorf("%w (%d of %d pictures cannot be read: --skip-bad %d skips them)", err, n, len(entries)+len(f.Skipped), n)
	}
	for _, e := range errs {
		if e != nil {
			f.Skipped = append(f.Skipped, strings.TrimPrefix(e.Error(), "dataset: "))
		}
	}
	return kept, nil
}
