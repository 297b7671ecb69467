package importer

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tweedie/core/model"
	"tweedie/core/unet"
	"tweedie/weights/checkpoint"
	"tweedie/weights/lazytensor"
)

// Options complete what a checkpoint does not specify. The zero value takes everything from the
// files.
type Options struct {
	Arch  string // a family's name; "" or "auto": recognized by names and shapes
	Plain bool   // use the weights as trained, even if the checkpoint has an average of them too
	Hints
}

// Hints are settings that weights do not show. A zero value means what the files specify, or
// else what the family's authors use, which is then listed in Checkpoint.Assumed.
type Hints struct {
	Size         unet.Size // of the pictures
	Heads        int       // of attention
	HeadChannels int       // of attention, instead of Heads
	NewAttention bool      // guided-diffusion's use_new_attention_order
	Schedule     string    // kind of a core/diffusion.Schedule
	Steps        int       // of the chain
	Prediction   string    // one of core/diffusion.Predictions, or model.EDM or model.Consistency
	Process      string    // kind of a core/diffusion.Spec, of score_sde
	TimeScale    float64   // the network's input t is this times the step
	SigmaData    float64   // with model.EDM
	SigmaMin     float64   // lowest noise level of NCSN, in units of its own pixels
	SigmaMax     float64   // highest noise level of NCSN, in units of its own pixels
}

// Checkpoint is a model read from another program's files. Its weights are read on demand,
// until it is closed.
type Checkpoint struct {
	Model   *model.Model
	Source  string   // the file of the weights
	Family  string   // one of Families, or "tweedie" for what this program exported
	Found   []string // what was recognized and why, one sentence each
	Assumed []string // what the files do not specify and was assumed, one sentence each
	takes   []string // see Takes
	file    *checkpoint.File
}

// Close closes the files. The model's weights cannot be read afterwards.
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
	if files.exported != "" && (o.Arch == "" || o.Arch == "auto") {
		return c.readExported(path, files)
	}
	f, v, err := identify(c.file, files, o)
	if err != nil {
		return fmt.Errorf("importer: %q: %w", files.weights, err)
	}
	if o.Process != "" && f.name != "score-sde" {
		return fmt.Errorf("importer: %q as %s: --process is %q, but the scheduler or the family determines the process: omit --process", files.weights, f.title, o.Process)
	}
	if of := encoder(files.weights, c.file); of != "" {
		return fmt.Errorf("importer: %q as %s: it works on latents of the autoencoder %s, and only networks that work on pixels are supported", files.weights, f.title, of)
	}
	c.Family, c.Found = f.name, v.found
	if filepath.Base(filepath.Dir(files.weights)) == emaFolder {
		c.Found = append(c.Found, fmt.Sprintf("%q contains an average of the weights, which is used", emaFolder))
	}
	p, err := f.plan(v, o.Hints)
	if err != nil {
		return fmt.Errorf("importer: %w", err)
	}
	c.Found, c.Assumed, c.takes = append(c.Found, p.found...), p.assumed, f.takesOf(p)
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
		c.Assumed = append(c.Assumed, fmt.Sprintf("all of its %d channels are generated: none is a condition, such as a low-resolution picture", channels))
	}
	return nil
}

// encoder returns the name of the autoencoder that a network belongs to, "" if there is none:
// one in the same file, as in files of latent diffusion (Rombach et al. 2022,
// arXiv:2112.10752), or one in the pipeline that contains its folder.
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

// errSize is the error of families whose names do not give the size of pictures.
var errSize = errors.New("the weights do not determine the size of pictures: give their height and width with --size")
