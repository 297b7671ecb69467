package importer

import (
	"fmt"

	"tweedie/core/graph"
	"tweedie/core/model"
)

// ownName is the file in which this program's export keeps the configuration of a model
// that diffusers has no network for.
const ownName = "tweedie.json"

// own is what Checkpoint.Family says of such a checkpoint.
const own = "tweedie"

// readOwn reads weights that this program exported, whose names and shapes are the
// network's.
func (c *Checkpoint) readOwn(path string, files files) error {
	data, err := readFile(files.own)
	if err != nil {
		return err
	}
	config, err := model.ParseConfig(data)
	if err != nil {
		return fmt.Errorf("importer: %q: %w", files.own, err)
	}
	net, err := config.Build()
	if err != nil {
		return fmt.Errorf("importer: %q: %w", files.own, err)
	}
	v, err := newView(c.file, []string{""}, true)
	if err != nil {
		return fmt.Errorf("importer: %q: %w", files.weights, err)
	}
	p := &plan{config: *config, find: func(d graph.Declared) part { return renamed(d.Name, d.Shape...) }}
	src, err := p.source(net.Program.Params, v)
	if err != nil {
		return fmt.Errorf("importer: %q as %q has it: %w", files.weights, files.own, err)
	}
	c.Family, c.Found = own, []string{fmt.Sprintf("%s beside it: this program exported it", ownName)}
	if c.Model, err = model.New(modelName(path), &p.config, src); err != nil {
		return fmt.Errorf("importer: %q: %w", path, err)
	}
	return nil
}
