package dataset

import (
	"fmt"
	"image"

	"tweedie/core/picture"
)

// FromImages returns pictures that are in memory as a data set of shape C, H, W, each
// fitted to it as the options say. labels are the numbers of the pictures' classes,
// whose names classes are; both are nil for pictures without. The error names a picture
// or label that does not fit.
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
