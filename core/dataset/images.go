package dataset

import (
	"fmt"
	"image"

	"tweedie/core/picture"
)

// FromImages returns pictures in memory as a data set of shape C, H, W. Each is fitted to that
// shape with the given options. labels are the pictures' class numbers and classes the names of
// the classes; both are nil for pictures without classes. The error names an invalid picture or
// label.
func FromImages(images []image.Image, labels []int, classes []string, shape [3]int, o picture.Options) (*Dataset, error) {
	if len(images) == 0 {
		return nil, fmt.Errorf("dataset: there must be at least one picture")
	}
	if (labels != nil || classes != nil) && len(labels) != len(images) {
		return nil, fmt.Errorf("dataset: there must be a label for each of %d pictures (got %d)", len(images), len(labels))
	}
	d := &Dataset{C: shape[0], H: shape[1], W: shape[2], Classes: classes, Labels: labels}
	for i, img := range images {
		if img == nil {
			return nil, fmt.Errorf("dataset: picture %d must not be nil", i)
		}
		if labels != nil && (labels[i] < 0 || labels[i] >= len(classes)) {
			return nil, fmt.Errorf("dataset: label of picture %d must be between 0 and %d (got %d)", i, len(classes)-1, labels[i])
		}
		fitted, err := picture.FitImage(img, shape, o)
		if err != nil {
			return nil, fmt.Errorf("dataset: picture %d: %w", i, err)
		}
		d.Images = append(d.Images, fitted.Pix...)
	}
	return d, nil
}
