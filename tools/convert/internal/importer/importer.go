package importer

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/weights"
)

// Checkpoint is a model read from another program's files.
type Checkpoint struct {
	Model   *model.Model
	Source  string   // the file of the weights
	Assumed []string // what the files do not say and this program supposes, one sentence each
}

// Read reads the checkpoint at path, a folder or a .safetensors file. The error
// lists every parameter that is missing, unexpected or of the wrong shape.
func Read(path string) (*Checkpoint, error) {
	files, err := locate(path)
	if err != nil {
		return nil, err
	}
	ck := &Checkpoint{Source: files.weights}
	config, err := readConfig(files)
	if err != nil {
		return nil, err
	}
	ck.Assumed = config.assumed
	net, err := config.Build()
	if err != nil {
		return nil, fmt.Errorf("importer: %q: %w", files.config, err)
	}
	params, err := readParams(files.weights, net.Program)
	if err != nil {
		return nil, err
	}
	if ck.Model, err = model.New(modelName(path), &config.Config, params); err != nil {
		return nil, fmt.Errorf("importer: %q: %w", path, err)
	}
	return ck, nil
}

// modelName names a model after its folder or file.
func modelName(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return strings.TrimSuffix(filepath.Base(path), safetensorsSuffix)
}

// readParams reads the parameters that p declares from a safetensors file.
func readParams(path string, p *graph.Program) (*graph.Params, error) {
	data, err := readFile(path, maxWeights)
	if err != nil {
		return nil, err
	}
	stored, _, err := weights.ParseSafetensors(data)
	if err != nil {
		return nil, fmt.Errorf("importer: %q: %w", path, err)
	}
	found, err := currentNames(stored)
	if err != nil {
		return nil, fmt.Errorf("importer: %q: %w", path, err)
	}
	expected := map[string][]int{}
	for _, d := range p.Params {
		expected[d.Name] = d.Shape
	}
	if err := compare(expected, found); err != nil {
		return nil, fmt.Errorf("importer: %q does not fit its configuration: %w", path, err)
	}
	params := graph.NewParams(p)
	for i, d := range params.Specs {
		numbers, err := found[d.Name].Float32()
		if err != nil {
			return nil, fmt.Errorf("importer: %q: %w", path, err)
		}
		for j, v := range numbers {
			if v-v != 0 {
				return nil, fmt.Errorf("importer: %q: tensor %q: number %d is %g, need a finite number", path, found[d.Name].Name, j, v)
			}
		}
		copy(params.Slice(i), numbers)
	}
	return params, nil
}

// currentAttention gives the name that diffusers uses since version 0.15 for what
// the attention block called otherwise before.
var currentAttention = map[string]string{
	"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0",
}

// currentName returns the name of a parameter in today's diffusers, whose
// attention parameters are called …attentions.N.to_q.weight and so on.
func currentName(name string) string {
	parts := strings.Split(name, ".")
	n := len(parts)
	if n < 4 || parts[n-4] != "attentions" || currentAttention[parts[n-2]] == "" {
		return name
	}
	if _, err := strconv.Atoi(parts[n-3]); err != nil {
		return name
	}
	parts[n-2] = currentAttention[parts[n-2]]
	return strings.Join(parts, ".")
}

// currentNames returns tensors by their current names. The error names two
// tensors that have one and the same.
func currentNames(stored []weights.Tensor) (map[string]*weights.Tensor, error) {
	found := map[string]*weights.Tensor{}
	for i := range stored {
		t := &stored[i]
		name := currentName(t.Name)
		if other := found[name]; other != nil {
			return nil, fmt.Errorf("tensors %q and %q are the same parameter", other.Name, t.Name)
		}
		found[name] = t
	}
	return found, nil
}
