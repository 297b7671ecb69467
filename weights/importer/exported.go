package importer

import (
	"fmt"

	"tweedie/core/graph"
	"tweedie/core/model"
)

// exportName is the file in which tweedie export writes the configuration of a model that
// diffusers does not support.
const exportName = "tweedie.json"

// exported is the value of Checkpoint.Family for such a checkpoint.
const own = "tweedie"

// readExported reads weights that this program exported, whose names and shapes are those of
// the network.
func (c *Checkpoint) readExported(path string, files files) error {
	data, err := readFile(files.exported)
	if err != nil {
		return err
	}
	config, err := model.ParseConfig(data)
	if err != nil {
		return fmt.Errorf("importer: %q: %w", files.exported, err)
	}
	net, err := config.Build()
	if err != nil {
		return fmt.Errorf("importer: %q: %w", files.exported, err)
	}
	v, err := newView(c.file, []string{""}, true)
	if err != nil {
		return fmt.Errorf("importer: %q: %w", files.weights, err)
	}
	p := &plan{config: *config, find: func(d graph.Declared) binding { return renamed(d.Name, d.Shape...) }}
	src, err := p.source(net.Program.Params, v)
	if err != nil {
		return fmt.Errorf("importer: %q with the configuration %q: %w", files.weights, files.exported, err)
	}
	c.Family, c.Found = own, []string{fmt.Sprintf("this program exported it: %s is in its folder", exportName)}
	if c.Model, err = model.New(modelName(path), &p.config, src); err != nil {
		return fmt.Errorf("importer: %q: %w", path, err)
	}
	return nil
}
