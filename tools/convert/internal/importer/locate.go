package importer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Names of diffusers.
const (
	weightsName       = "diffusion_pytorch_model.safetensors"
	configName        = "config.json"
	schedulerName     = "scheduler_config.json"
	safetensorsSuffix = ".safetensors"
)

// The most that is read of a file: weights are read whole.
const (
	maxWeights = 8 << 30
	maxConfig  = 1 << 20
)

// files says where the parts of a checkpoint are; scheduler is "" if it has none.
type files struct{ weights, config, scheduler string }

// locate finds the parts of the checkpoint at path.
func locate(path string) (files, error) {
	info, err := os.Stat(path)
	if err != nil {
		return files{}, fmt.Errorf("importer: %w", err)
	}
	if !info.IsDir() {
		return locateFile(path)
	}
	// A pipeline keeps the network and the scheduler in folders of their own.
	folder := path
	if !exists(filepath.Join(path, configName)) && exists(filepath.Join(path, "unet", configName)) {
		folder = filepath.Join(path, "unet")
	}
	found := files{config: filepath.Join(folder, configName), scheduler: locateScheduler(folder)}
	if !exists(found.config) {
		return files{}, fmt.Errorf("importer: folder %q holds no %s, need diffusers' folder of a UNet2DModel", path, configName)
	}
	found.weights, err = locateWeights(folder)
	return found, err
}

// locateFile finds what belongs to a single file of weights.
func locateFile(path string) (files, error) {
	if pickle(path) {
		return files{}, pickleError(path)
	}
	stem, ok := strings.CutSuffix(path, safetensorsSuffix)
	if !ok {
		return files{}, fmt.Errorf("importer: %q: need a folder of diffusers or a %s file", path, safetensorsSuffix)
	}
	folder := filepath.Dir(path)
	for _, config := range []string{stem + ".json", filepath.Join(folder, configName)} {
		if exists(config) {
			return files{weights: path, config: config, scheduler: locateScheduler(folder)}, nil
		}
	}
	return files{}, fmt.Errorf("importer: %q: no configuration beside it, need %s or %s", path, filepath.Base(stem)+".json", configName)
}

// locateWeights finds the file of weights in a folder: the one of diffusers' usual
// name, else the only one there is.
func locateWeights(folder string) (string, error) {
	usual := filepath.Join(folder, weightsName)
	if exists(usual) {
		return usual, nil
	}
	if index := usual + ".index.json"; exists(index) {
		return "", fmt.Errorf("importer: %q: the weights are split over several files, need one: save them again with a larger max_shard_size", index)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", fmt.Errorf("importer: %w", err)
	}
	var candidates []string
	pickled := ""
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), safetensorsSuffix) {
			candidates = append(candidates, e.Name())
		} else if pickle(e.Name()) {
			pickled = filepath.Join(folder, e.Name())
		}
	}
	switch {
	case len(candidates) == 1:
		return filepath.Join(folder, candidates[0]), nil
	case len(candidates) > 1:
		return "", fmt.Errorf("importer: folder %q holds %q, need one file of weights, or %s among them", folder, candidates, weightsName)
	case pickled != "":
		return "", pickleError(pickled)
	}
	return "", fmt.Errorf("importer: folder %q holds no weights, need %s", folder, weightsName)
}

// locateScheduler finds the scheduler of a network's folder: beside it, in a
// folder of its own, or in the pipeline around a folder named unet.
func locateScheduler(folder string) string {
	places := []string{filepath.Join(folder, schedulerName), filepath.Join(folder, "scheduler", schedulerName)}
	if abs, err := filepath.Abs(folder); err == nil && filepath.Base(abs) == "unet" {
		places = append(places, filepath.Join(filepath.Dir(abs), "scheduler", schedulerName))
	}
	for _, path := range places {
		if exists(path) {
			return path
		}
	}
	return ""
}

// pickle reports whether a file is named as PyTorch's pickles are.
func pickle(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".bin", ".pt", ".pth", ".ckpt", ".pkl":
		return true
	}
	return false
}

func pickleError(path string) error {
	return fmt.Errorf("importer: %q is a PyTorch pickle, need safetensors: save the model with safe_serialization=True", path)
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("importer: %w", err)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("importer: %q is %d bytes, need at most %d", path, info.Size(), limit)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("importer: %w", err)
	}
	return data, nil
}
