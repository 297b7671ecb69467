package train

import (
	"slices"
	"strings"
	"testing"
)

// A run that starts from a model has its weights, and rows of class embeddings by the names of
// the classes; before its first step it draws what the model draws.
func TestStartFrom(t *testing.T) {
	source := start(t, smallConfig()) // classes low and high
	steps(t, source, 5)
	m, err := source.Model("source")
	if err != nil {
		t.Fatal(err)
	}
	c := endless()
	c.Model.Classes = []string{"high", "new", "low"}
	c.Model.NullClass, c.Model.UNet.NumClassEmbeds = new(3), new(4)
	tr := start(t, c)
	s, err := tr.StartFrom(m)
	if err != nil {
		t.Fatal(err)
	}
	if s.Taken != s.Total || len(s.Fresh) != 0 || !slices.Equal(s.NewClasses, []string{"new"}) {
		t.Errorf("got %+v, want everything taken and a class new", s)
	}
	started, err := tr.Model("started")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range m.Declared() {
		from, into := m.Numbers(d.Name).Float32(), started.Numbers(d.Name).Float32()
		if d.Name != classTable {
			if !slices.Equal(from, into) {
				t.Errorf("%s differs", d.Name)
			}
			continue
		}
		n := d.Shape[1]
		for to, row := range []int{1, 2, 0, 2} { // high, new as null, low, null
			if !slices.Equal(into[to*n:(to+1)*n], from[row*n:(row+1)*n]) {
				t.Errorf("row %d of the class embeddings is not row %d of the source", to, row)
			}
		}
	}
	steps(t, tr, 1)
	if _, err := tr.StartFrom(m); err == nil || !strings.Contains(err.Error(), "before its first step") {
		t.Errorf("after a step: got error %v", err)
	}
	if _, err := start(t, smallNCSN()).StartFrom(m); err == nil || !strings.Contains(err.Error(), "no parameter of the name and shape") {
		t.Errorf("another network: got error %v", err)
	}
}
