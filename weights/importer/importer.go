package importer

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tweedie/core/model"
	"tweedie/weights/checkpoint"
	"tweedie/weights/lazytensor"
)

// Options say what a checkpoint does not. The zero value takes everything from the
// files.
type Options struct {
	Arch  string // a family's name; "" or "auto": told from names and shapes
	Plain bool   // the weights that were trained, where there is an average of them too
	Hints
}

// Hints are settings that weights do not show. A zero means what the files say, else
// what the family's authors use, which Checkpoint.Assumed then says.
type Hints struct {
	Size         int     // height and width of the pictures
	Heads        int     // of attention
	HeadChannels int     // of attention, in place of Heads
	NewAttention bool    // guided-diffusion's use_new_attention_order
	Schedule     string  // kind of a core/diffusion.Schedule
	Steps        int     // of the chain
	Prediction   string  // one of core/diffusion.Predictions, or model.EDM or model.Consistency
	Process      string  // kind of a core/diffusion.Spec, of score_sde
	TimeScale    float64 // the network's t is this times the step
	SigmaData    float64 // with model.EDM
	SigmaMin     float64 // lowest noise level of NCSN, in units of its own pixels
	SigmaMax     float64 // and the highest
}

// Checkpoint is a model read from another program's files. Its weights are read from
// them when they are asked for, until it is closed.
type Checkpoint struct {
	Model   *model.Model
	Source  string   // the file of the weights
	Family  string   // one of Families, or this program's own
	Found   []string // what was recognised and why, one sentence each
	Assumed []string // what the files do not say and this program supposes, one sentence each
	file    *checkpoint.File
}

// Close ends the reading of the model's weights.
func (c *Checkpoint) Close() error { return c.file.Close() }

// Read reads the checkpoint at path, a folder or a file. The error lists every
// parameter that is missing, unexpected or of the wrong shape.
func Read(path string, o Options) (*Checkpoint, error) {
	files, err := locate(path, o.Plain)
	if err != nil {
		return nil, err
	}
	file, err := checkpoint.Open(files.weights)
	if err != nil {
		return nil, fmt.Errorf("importer: %w", err)
	}
	ck := &Checkpoint{Source: files.weights, file: file}
	if err := ck.read(path, files, o); err != nil {
		file.Close()
		return nil, err
	}
	return ck, nil
}

func (c *Checkpoint) read(path string, files files, o Options) error {
	if files.own != "" && (o.Arch == "" || o.Arch == "auto") {
		return c.readOwn(path, files)
	}
	f, v, err := choose(c.file, files, o)
	if err != nil {
		return fmt.Errorf("importer: %q: %w", files.weights, err)
	}
	if o.Process != "" && f.name != "score-sde" {
		return fmt.Errorf("importer: %q as %s: --process is %q, need none: its scheduler or its family says it", files.weights, f.title, o.Process)
	}
	if of := encoder(files.weights, c.file); of != "" {
		return fmt.Errorf("importer: %q as %s: %s encodes pictures for it, need a network of pixels: one that denoises what an encoder makes of them draws none", files.weights, f.title, of)
	}
	c.Family, c.Found = f.name, v.found
	if filepath.Base(filepath.Dir(files.weights)) == averaged {
		c.Found = append(c.Found, fmt.Sprintf("%q holds an average of the weights, which is taken", averaged))
	}
	p, err := f.plan(v, o.Hints)
	if err != nil {
		return fmt.Errorf("importer: %w", err)
	}
	c.Found, c.Assumed = append(c.Found, p.found...), p.assumed
	net, err := p.config.Build()
	if err != nil {
		return fmt.Errorf("importer: %q as %s: %w", files.weights, f.title, err)
	}
	src, err := p.source(net.Program.Params, v)
	if err != nil {
		return fmt.Errorf("importer: %q as %s: %w", files.weights, f.title, err)
	}
	if c.Model, err = model.New(modelName(path), &p.config, src); err != nil {
		return fmt.Errorf("importer: %q: %w", path, err)
	}
	if channels := p.config.Shape[0]; channels != 1 && channels != 3 {
		c.Assumed = append(c.Assumed, fmt.Sprintf("its %d channels are all of what is drawn: none is a picture that the network is given, as for super-resolution", channels))
	}
	return nil
}

// encoder returns the name of an autoencoder that stands beside a network, in its file as
// those of latent diffusion have it (Rombach et al. 2022, arXiv:2112.10752) or in the
// pipeline around its folder; "" if there is none.
func encoder(weights string, file *checkpoint.File) string {
	const stage = "first_stage_model."
	if slices.ContainsFunc(file.Tensors, func(t lazytensor.Tensor) bool {
		return strings.HasPrefix(strings.TrimPrefix(t.Name, "state_dict."), stage)
	}) {
		return strconv.Quote(strings.TrimSuffix(stage, "."))
	}
	folder, err := filepath.Abs(filepath.Dir(weights))
	if err != nil || !slices.Contains(networks, filepath.Base(folder)) {
		return ""
	}
	for _, name := range []string{"vqvae", "vae", "movq"} {
		if other := filepath.Join(filepath.Dir(folder), name); exists(filepath.Join(other, configName)) {
			return strconv.Quote(other)
		}
	}
	return ""
}

// modelName names a model after its folder or file.
func modelName(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	name := filepath.Base(path)
	for _, suffix := range checkpoint.Suffixes {
		if stem, ok := strings.CutSuffix(name, suffix); ok && stem != "" {
			return stem
		}
	}
	return name
}

// errSize is what a family says whose names do not tell how large pictures are.
var errSize = errors.New("the weights do not show how large the pictures are, need --size, their height and width")
