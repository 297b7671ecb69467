package train

import (
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"tweedie/core/dataset"
	"tweedie/tools/convert/internal/cmd/flags"
)

// parseAugment reads --augment: whether to mirror and to shift pictures. For auto both are false.
func parseAugment(text string) (flip, shift bool, err error) {
	if text == "auto" || text == "none" {
		return false, false, nil
	}
	for _, word := range strings.Split(text, ",") {
		switch word {
		case "flip":
			flip = true
		case "shift":
			shift = true
		default:
			return false, false, flags.Misused("--augment must be auto, none, flip, shift or flip,shift (got %q)", text)
		}
	}
	return flip, shift, nil
}

// augmentation returns whether pictures are mirrored, and by how many pixels they are shifted.
func (o *training) augmentation(cmd *cobra.Command, set *dataset.Dataset) (flip bool, shift int, err error) {
	flip, shifts, err := parseAugment(o.augment)
	if err != nil {
		return false, 0, err
	}
	if shifts {
		shift = max(1, min(set.H, set.W)/8)
	}
	if o.augment != "auto" || o.objective == "consistency-distillation" {
		return flip, shift, nil
	}
	ratio := mirrored(set)
	if flip = ratio <= mostMirrored; flip {
		o.say(cmd, fmt.Sprintf("mirrored pictures are as much alike as others (distance %.2f of theirs): half of the pictures are mirrored; --augment none leaves them", ratio))
	}
	return flip, 0, nil
}

// mostMirrored is the largest ratio of distances at which pictures are mirrored.
const mostMirrored = 1.03

// The numbers of pictures that are compared.
const (
	comparedPictures = 200
	comparedWith     = 3000
)

// mirrored returns how far mirrored pictures are from their nearest neighbours of the same class,
// as a fraction of how far the pictures themselves are: about 1 where a mirrored picture could be
// one of the set, more where it could not, as for letters. It is +Inf if there are too few
// pictures to tell.
func mirrored(set *dataset.Dataset) float64 {
	n := set.Len()
	if n < fewest {
		return math.Inf(1)
	}
	var own, other float64
	flipped := make([]uint8, set.H*set.W*set.C)
	for k := range min(n, comparedPictures) {
		i := k * n / min(n, comparedPictures)
		x := set.Image(i)
		for p := range set.H * set.W {
			from := p - p%set.W + set.W - 1 - p%set.W
			copy(flipped[p*set.C:(p+1)*set.C], x[from*set.C:])
		}
		a, b := nearest(set, x, i), nearest(set, flipped, i)
		if math.IsInf(a, 0) || a == 0 {
			continue // alone in its class, or there twice
		}
		own, other = own+a, other+b
	}
	if own == 0 {
		return math.Inf(1)
	}
	return other / own
}

// nearest returns the distance of x from the nearest picture other than i of the class of i.
func nearest(set *dataset.Dataset, x []uint8, i int) float64 {
	n := set.Len()
	best := math.Inf(1)
	for k := range min(n, comparedWith) {
		j := k * n / min(n, comparedWith)
		if j == i || len(set.Labels) > 0 && set.Labels[i] != set.Labels[j] {
			continue
		}
		sum := 0.0
		for p, v := range set.Image(j) {
			d := float64(v) - float64(x[p])
			if sum += d * d; sum >= best {
				break
			}
		}
		best = min(best, sum)
	}
	return math.Sqrt(best)
}
