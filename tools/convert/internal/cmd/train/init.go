package train

import (
	"fmt"

	"tweedie/core/dataset"
	"tweedie/core/model"
	"tweedie/core/train"
	"tweedie/tools/convert/internal/cmd/flags"
	"tweedie/weights"
)

// tunedRate is the planned learning rate of fine-tuning: a quarter of that from scratch.
const tunedRate = plannedRate / 4

// open reads the configuration of the model to start from, and brings pictures to its size and
// channels unless the flags say otherwise.
func (o *training) open() error {
	if o.init == "" {
		return nil
	}
	f, err := weights.Open(o.init)
	if err != nil {
		return err
	}
	c, err := model.ParseConfig(f.Manifest.Config)
	if err != nil {
		return fmt.Errorf("%s: %w", o.init, err)
	}
	o.from = c
	if o.data.Channels == 0 && c.Shape[0] != 4 {
		o.data.Channels = c.Shape[0]
	}
	if o.data.Size.H == 0 {
		o.data.Size.H, o.data.Size.W = c.Shape[1], c.Shape[2]
	}
	return nil
}

// tuned returns a configuration that trains the model to start from on the classes of set.
func (o *training) tuned(set *dataset.Dataset, flip bool, shift int) (*train.Config, error) {
	m := *o.from
	m.Title, m.Posterior = "", nil
	if err := o.setClasses(&m, set.Classes); err != nil {
		return nil, err
	}
	if m.UNet != nil {
		u := *m.UNet
		u.SampleSize.H, u.SampleSize.W = set.H, set.W
		if m.Arch == model.Classifier {
			u.OutChannels = len(m.Classes)
		} else if u.NumClassEmbeds = nil; len(m.Classes) > 0 {
			u.NumClassEmbeds = new(len(m.Classes) + 1)
		}
		m.Shape, m.UNet = [3]int{m.Shape[0], set.H, set.W}, &u
	}
	c := &train.Config{
		Model: m, Init: o.init, Seed: 1, Steps: 1, Batch: largestBatch, LearningRate: tunedRate, Decay: "cosine", Clip: 1, Average: 0.999,
		Flip: flip, Shift: shift,
	}
	if m.NullClass != nil {
		c.DropClass = 0.1
	}
	c.Complete()
	setSchedule(c, set.Len())
	if err := c.Validate(); err != nil {
		return nil, flags.AsMisuse(err)
	}
	return c, nil
}

// setClasses gives m the classes of the data, and a null class for guidance.
func (o *training) setClasses(m *model.Config, classes []string) error {
	if m.Arch == model.Program && m.Labels() > 0 {
		return flags.Misused("--init: the classes of %s are part of a network from ONNX and cannot be replaced", o.init)
	}
	if m.Arch == model.Classifier {
		if len(classes) < 2 {
			return flags.Misused("--init: %s is a classifier: the pictures must have at least 2 classes (got %d)", o.init, len(classes))
		}
		m.Classes = classes
		return nil
	}
	m.Classes, m.NullClass = nil, nil
	if len(classes) > 0 && m.UNet != nil {
		m.Classes, m.NullClass = classes, new(len(classes))
	} else if m.Defaults.Guidance != 1 {
		m.Defaults.Guidance = 1
	}
	return nil
}
