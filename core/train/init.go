package train

import (
	"fmt"
	"slices"

	"tweedie/core/graph"
	"tweedie/core/model"
)

// classTable is the table of class embeddings, a row for each class.
const classTable = "class_embedding.weight"

// Started says which parameters StartFrom took over.
type Started struct {
	Taken, Total int      // numbers
	Fresh        []string // parameters that were initialised at random
	NewClasses   []string // classes that the model does not have; they start as its null class
}

// StartFrom gives a run that has taken no steps the weights of m, for fine-tuning: those of every
// parameter of the same name and shape. The rows of class embeddings go by the names of classes.
// It is an error if the run has begun, or if no parameter is the same.
func (t *Trainer) StartFrom(m *model.Model) (Started, error) {
	if t.done > 0 {
		return Started{}, fmt.Errorf("train: a run starts from another model before its first step (got step %d)", t.done)
	}
	shapes := map[string][]int{}
	for _, d := range m.Declared() {
		shapes[d.Name] = d.Shape
	}
	s := Started{Total: len(t.params.Flat)}
	for i, d := range t.params.Specs {
		shape, ok := shapes[d.Name]
		switch {
		case ok && d.Name == classTable && len(t.config.Model.Classes) > 0 && len(shape) == 2 && shape[1] == d.Shape[1]:
			s.NewClasses = t.takeClasses(t.params.Slice(i), m, d)
			s.Taken += len(t.params.Slice(i))
		case ok && slices.Equal(shape, d.Shape):
			copy(t.params.Slice(i), m.Numbers(d.Name).Float32())
			s.Taken += len(t.params.Slice(i))
		default:
			s.Fresh = append(s.Fresh, d.Name)
		}
	}
	if err := m.Err(); err != nil {
		return Started{}, err
	}
	if s.Taken == 0 {
		return Started{}, fmt.Errorf("train: the model to start from has no parameter of the name and shape of one of the network")
	}
	t.resetAverages()
	return s, nil
}

// takeClasses fills the table of class embeddings and returns the names of the classes that m
// does not have.
func (t *Trainer) takeClasses(table []float32, m *model.Model, d graph.Declared) (fresh []string) {
	width := d.Shape[1]
	from := m.Numbers(d.Name).Float32()
	c, own := m.Config(), &t.config.Model
	row := func(k int) []float32 { return from[k*width : (k+1)*width] }
	for k := range d.Shape[0] {
		into := table[k*width : (k+1)*width]
		switch {
		case own.NullClass != nil && k == *own.NullClass:
			if c.NullClass != nil {
				copy(into, row(*c.NullClass))
			}
		case k < len(own.Classes) && slices.Contains(c.Classes, own.Classes[k]):
			copy(into, row(slices.Index(c.Classes, own.Classes[k])))
		case k < len(own.Classes):
			if fresh = append(fresh, own.Classes[k]); c.NullClass != nil {
				copy(into, row(*c.NullClass))
			}
		}
	}
	return fresh
}

// resetAverages starts all averages of the weights from the current ones.
func (t *Trainer) resetAverages() {
	copy(t.optimiser.average, t.params.Flat)
	for _, a := range t.averages {
		copy(a.weights, t.params.Flat)
	}
	if t.target != nil {
		copy(t.target.Flat, t.params.Flat)
	}
}
