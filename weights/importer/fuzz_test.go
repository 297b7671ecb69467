package importer

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzFolder: no configuration or scheduler in a folder of diffusers makes Read panic.
func FuzzFolder(f *testing.F) {
	for _, name := range []string{"gray", "rgb"} {
		source := filepath.Join("..", "..", "core", "unet", "testdata", name)
		config, err := os.ReadFile(filepath.Join(source, "config.json"))
		if err != nil {
			f.Fatal(err)
		}
		for _, scheduler := range []string{
			`{}`, `{"_class_name":"DDPMScheduler","beta_schedule":"linear","beta_start":1e-4,"beta_end":0.02,"num_train_timesteps":1000}`,
			`{"_class_name":"DDIMScheduler","trained_betas":[0.1,0.2],"prediction_type":"v_prediction","clip_sample":true}`,
			`{"_class_name":"FlowMatchEulerDiscreteScheduler","num_train_timesteps":1000,"shift":3.0}`,
			`{"_class_name":"DDPMScheduler","beta_schedule":"squaredcos_cap_v2","thresholding":true,"variance_type":"learned_range"}`,
		} {
			f.Add(string(config), scheduler)
		}
	}
	weights, err := os.ReadFile(filepath.Join("..", "..", "core", "unet", "testdata", "gray", "model.safetensors"))
	if err != nil {
		f.Fatal(err)
	}
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, config, scheduler string) {
		dir, err := os.MkdirTemp(folder, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		for name, text := range map[string]string{configName: config, schedulerName: scheduler, weightsName: string(weights)} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		ck, err := Read(dir, Options{})
		if err != nil {
			return
		}
		if _, err := ck.Model.Manifest(nil); err != nil {
			t.Error(err)
		}
		ck.Close()
	})
}
