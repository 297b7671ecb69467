package train

import (
	"cmp"
	"encoding/binary"
	"fmt"

	"tweedie/core/rng"
)

// Data is a set of images with their classes.
type Data struct {
	N, H, W, C int
	Images     []uint8 // [N,H,W,C]
	Labels     []int   // class number of each image; nil without classes
}

// check returns an error if the data do not fit the model.
func (d *Data) check(c *Config) error {
	if want := [3]int{d.C, d.H, d.W}; c.Model.Shape != want {
		return fmt.Errorf("train: images must have the shape of the model, %v (C, H, W): got %v", c.Model.Shape, want)
	}
	if d.N < 1 || len(d.Images) != d.N*d.H*d.W*d.C {
		return fmt.Errorf("train: data must have at least one image, and %d bytes for each (got %d images and %d bytes)", d.H*d.W*d.C, d.N, len(d.Images))
	}
	if !c.Model.NeedsLabels() {
		return nil
	}
	if len(d.Labels) != d.N {
		return fmt.Errorf("train: a model with classes needs one label for each image (got %d labels for %d images)", len(d.Labels), d.N)
	}
	for i, l := range d.Labels {
		if l < 0 || l >= len(c.Model.Classes) {
			return fmt.Errorf("train: labels must be between 0 and %d (got %d for image %d)", len(c.Model.Classes)-1, l, i)
		}
	}
	return nil
}

// pixels writes image i as numbers in [−1,1], or with unit in [0,1].
func (d *Data) pixels(dst []float32, i int, unit bool) {
	size := d.H * d.W * d.C
	for j, v := range d.Images[i*size : (i+1)*size] {
		if unit {
			dst[j] = float32(v) / 255
		} else {
			dst[j] = float32(v)/127.5 - 1
		}
	}
}

// Streams of core/rng for training. The sample number is that of the draw since the
// run began, or of the pass over the data.
const (
	orderStream = 1<<24 + iota
	sigmaStream
	noiseStream
	dropStream
	sliceStream // sliceStream + m: projection m of SSM
)

// Streams for held-out pictures and augmentation, behind those of projections.
const (
	heldStream = 1<<25 + iota
	augmentStream
)

// order is the order of the images: each once in every pass, reshuffled for each pass.
type order struct {
	n           int
	seed        uint64
	stream      uint32 // 0 means orderStream
	pass        int
	permutation []int
}

// image returns the image at place k of the order.
func (o *order) image(k int) int {
	pass := k / o.n
	if o.permutation == nil || o.pass != pass {
		o.shuffle(pass)
	}
	return o.permutation[k%o.n]
}

// shuffle is a Fisher-Yates shuffle (Knuth, volume 2, Algorithm 3.4.2P).
func (o *order) shuffle(pass int) {
	o.pass, o.permutation = pass, make([]int, o.n)
	draws := make([]uint32, o.n)
	rng.Uint32s(draws, o.seed, uint64(pass), cmp.Or(o.stream, orderStream))
	for i := range o.permutation {
		o.permutation[i] = i
	}
	for i := o.n - 1; i > 0; i-- {
		j := int(uint64(draws[i]) * uint64(i+1) >> 32)
		o.permutation[i], o.permutation[j] = o.permutation[j], o.permutation[i]
	}
}

// Fingerprint identifies the data, so that a run does not resume with other data. It is
// the FNV-1a hash of sizes, labels and images.
func (d *Data) Fingerprint() uint64 {
	hash := uint64(14695981039346656037)
	add := func(b byte) { hash = (hash ^ uint64(b)) * 1099511628211 }
	for _, n := range []int{d.N, d.H, d.W, d.C} {
		for _, b := range binary.LittleEndian.AppendUint64(nil, uint64(n)) {
			add(b)
		}
	}
	for _, l := range d.Labels {
		add(byte(l))
		add(byte(l >> 8))
	}
	for _, b := range d.Images {
		add(b)
	}
	return hash
}
