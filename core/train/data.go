package train

import (
	"encoding/binary"
	"fmt"

	"tweedie/core/rng"
)

// Data is a set of images with their classes.
type Data struct {
	N, H, W, C int
	Images     []uint8 // [N,H,W,C]
	Labels     []int   // class numbers, one an image; nil where there are none
}

// check says why the data do not fit a model.
func (d *Data) check(c *Config) error {
	if want := [3]int{d.C, d.H, d.W}; c.Model.Shape != want {
		return fmt.Errorf("train: images are %v, need the model's %v: C, H, W", want, c.Model.Shape)
	}
	if d.N < 1 || len(d.Images) != d.N*d.H*d.W*d.C {
		return fmt.Errorf("train: %d bytes of images, need %d images of %d", len(d.Images), d.N, d.H*d.W*d.C)
	}
	if !c.Model.NeedsLabels() {
		return nil
	}
	if len(d.Labels) != d.N {
		return fmt.Errorf("train: %d labels for %d images, need one each: the model knows classes", len(d.Labels), d.N)
	}
	for i, l := range d.Labels {
		if l < 0 || l >= len(c.Model.Classes) {
			return fmt.Errorf("train: label of image %d is %d, need 0 to %d", i, l, len(c.Model.Classes)-1)
		}
	}
	return nil
}

// pixels writes image i as numbers in [−1,1], or in [0,1].
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

// Streams of core/rng that training draws from; sample is the number of the
// image drawn since the run began, or of the pass over the data.
const (
	orderStream = 1<<24 + iota
	sigmaStream
	noiseStream
	dropStream
	sliceStream // sliceStream + m: projection m
)

// order walks through the data, each image once a pass, shuffled anew.
type order struct {
	n    int
	seed uint64
	pass int
	at   []int
}

// image returns the image that draw k of the run uses.
func (o *order) image(k int) int {
	pass := k / o.n
	if o.at == nil || o.pass != pass {
		o.shuffle(pass)
	}
	return o.at[k%o.n]
}

// shuffle is Fisher and Yates' (Knuth, volume 2, Algorithm 3.4.2P).
func (o *order) shuffle(pass int) {
	o.pass, o.at = pass, make([]int, o.n)
	draws := make([]uint32, o.n)
	rng.Uint32s(draws, o.seed, uint64(pass), orderStream)
	for i := range o.at {
		o.at[i] = i
	}
	for i := o.n - 1; i > 0; i-- {
		j := int(uint64(draws[i]) * uint64(i+1) >> 32)
		o.at[i], o.at[j] = o.at[j], o.at[i]
	}
}

// Fingerprint identifies the data, so that a run is not resumed on others. It is
// FNV-1a over sizes, labels and images.
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
