package importer

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tweedie/core/diffusion"
	"tweedie/core/unet"
)

// TestReadPipeline: the network and the scheduler are found from the pipeline's folder and from
// the network's.
func TestReadPipeline(t *testing.T) {
	config, tensors := parityCase(t, "gray")
	folder := write(t, map[string][]byte{
		"model_index.json": []byte("{}"), "unet/" + configName: config, "unet/" + weightsName: encode(t, tensors),
		"scheduler/" + schedulerName: []byte(`{"_class_name":"DDPMScheduler","beta_schedule":"squaredcos_cap_v2","num_train_timesteps":500,"beta_start":0.1,"prediction_type":"epsilon","trained_betas":null}`),
	})
	for _, path := range []string{folder, filepath.Join(folder, "unet")} {
		ck, err := Read(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		c := ck.Model.Config()
		if want := (diffusion.Schedule{Kind: diffusion.Cosine, Steps: 500}); !reflect.DeepEqual(*c.Schedule, want) {
			t.Errorf("got schedule %+v, want %+v", c.Schedule, want)
		}
		chain, err := diffusion.NewChain(*c.Schedule)
		if err != nil {
			t.Fatal(err)
		}
		if lowest, highest := chain.SigmaRange(); c.SigmaMin != float64(lowest) || c.SigmaMax != float64(highest) {
			t.Errorf("got noise levels %g to %g, want %g to %g", c.SigmaMin, c.SigmaMax, lowest, highest)
		}
		if len(ck.Assumed) != 0 {
			t.Errorf("got assumptions %q, want none", ck.Assumed)
		}
	}
}

// TestReadPipelineAverage: the average in unet_ema is preferred to unet, unless Options.Plain
// is set.
func TestReadPipelineAverage(t *testing.T) {
	config, tensors := parityCase(t, "gray")
	folder := write(t, map[string][]byte{
		"unet/" + configName: config, "unet/" + weightsName: encode(t, copyOf(tensors, "", 1)),
		"unet_ema/" + configName: config, "unet_ema/" + weightsName: encode(t, tensors),
		"scheduler/" + schedulerName: []byte(`{"beta_schedule":"linear","num_train_timesteps":500}`),
	})
	ck, err := Read(folder, Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, ck.Model, tensors)
	if text := strings.Join(ck.Found, "\n"); !strings.Contains(text, `"unet_ema" contains an average`) || ck.Model.Config().Schedule.Steps != 500 {
		t.Errorf("found %q, %d steps", text, ck.Model.Config().Schedule.Steps)
	}
	ck, err = Read(folder, Options{Plain: true})
	if err != nil {
		t.Fatal(err)
	}
	same(t, ck.Model, copyOf(tensors, "", 1))
}

// TestReadRefusesLatents: a network that works on an autoencoder's latents is refused.
func TestReadRefusesLatents(t *testing.T) {
	config, tensors := parityCase(t, "gray")
	folder := write(t, map[string][]byte{
		"unet/" + configName: config, "unet/" + weightsName: encode(t, tensors), "vqvae/" + configName: []byte("{}"),
	})
	state := append(copyOf(readCase(t, "guided").state, "model.diffusion_model.", 1), copyOf(tensors[:1], "first_stage_model.", 1)...)
	single := write(t, map[string][]byte{"net.safetensors": encode(t, state)})
	for path, want := range map[string]string{
		folder: `vqvae", and only networks that work on pixels`, filepath.Join(folder, "unet"): `vqvae", and only`,
		filepath.Join(single, "net.safetensors"): `it works on latents of the autoencoder "first_stage_model"`,
	} {
		if _, err := Read(path, Options{Hints: Hints{Size: unet.Square(8), Heads: 4}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want one with %q", path, err, want)
		}
	}
}

// TestReadChannels: a network with other than one or three channels is converted, with an
// assumption about its channels.
func TestReadChannels(t *testing.T) {
	state := copyOf(readCase(t, "ddpm").state, "", 1)
	for i, v := range state {
		axis := map[string]int{"conv_in.weight": 1, "conv_out.weight": 0, "conv_out.bias": 0}
		if at, ok := axis[v.Name]; ok {
			state[i].Shape = slices.Clone(v.Shape)
			state[i].Shape[at] = 6
			state[i].Data = append(slices.Clone(v.Data), v.Data...)
		}
	}
	path := filepath.Join(write(t, map[string][]byte{"net.safetensors": encode(t, state)}), "net.safetensors")
	ck, err := Read(path, Options{Hints: Hints{Size: unet.Square(8)}})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	if text := strings.Join(ck.Assumed, "\n"); !strings.Contains(text, "all of its 6 channels are generated") {
		t.Errorf("assumed %q", text)
	}
}
