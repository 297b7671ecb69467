package importer

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tweedie/weights"
	"tweedie/weights/checkpoint"
)

// Names of diffusers.
const (
	weightsName   = "diffusion_pytorch_model.safetensors"
	configName    = "config.json"
	schedulerName = "scheduler_config.json"
	indexSuffix   = ".index.json"
	emaFolder     = "unet_ema" // an average of the weights that training scripts save next to "unet"
)

// networks are the folders of a pipeline that may contain its network, the preferred one first.
var networks = []string{emaFolder, "unet"}

// maxConfig bounds files other than weights, in bytes.
const maxConfig = 1 << 20

// files are the paths of a checkpoint's parts; config, scheduler and exported are "" if it has
// none.
type files struct{ weights, config, scheduler, exported string }

// locate finds the parts of the checkpoint at path. If a pipeline has an average of its
// network, that is used unless plain is set.
func locate(path string, plain bool) (files, error) {
	info, err := os.Stat(path)
	if err != nil {
		return files{}, fmt.Errorf("importer: %w", err)
	}
	if !info.IsDir() {
		return locateFile(path), nil
	}
	// In a pipeline the network and the scheduler have their own folders.
	folder := path
	for _, name := range networks {
		if !exists(filepath.Join(folder, configName)) && exists(filepath.Join(path, name, configName)) && !(plain && name == emaFolder) {
			folder = filepath.Join(path, name)
		}
	}
	found := files{scheduler: locateScheduler(folder)}
	if config := filepath.Join(folder, configName); exists(config) {
		found.config = config
	}
	if own := filepath.Join(folder, exportName); exists(own) {
		found.exported = own
	}
	found.weights, err = locateWeights(folder)
	return found, err
}

// Locate returns the file of weights of the checkpoint at path, a folder or the file itself.
func Locate(path string) (string, error) {
	found, err := locate(path, false)
	return found.weights, err
}

// locateFile finds the files that belong to a single file of weights.
func locateFile(path string) files {
	folder := filepath.Dir(path)
	found := files{weights: path, scheduler: locateScheduler(folder)}
	if own := filepath.Join(folder, exportName); exists(own) {
		found.exported = own
	}
	stem := path
	for _, suffix := range checkpoint.Suffixes {
		stem = strings.TrimSuffix(stem, suffix)
	}
	for _, config := range []string{stem + ".json", filepath.Join(folder, configName)} {
		if config != path && exists(config) {
			found.config = config
			break
		}
	}
	return found
}

// locateWeights finds the file of weights in a folder: the one with diffusers' usual name, else
// an index of several files, else the only one.
func locateWeights(folder string) (string, error) {
	usual := filepath.Join(folder, weightsName)
	for _, path := range []string{usual, usual + indexSuffix} {
		if exists(path) {
			return path, nil
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", fmt.Errorf("importer: %w", err)
	}
	var candidates, indices []string
	for _, e := range entries {
		switch name := e.Name(); {
		case strings.HasSuffix(name, indexSuffix):
			indices = append(indices, name)
		case checkpoint.HasKnownSuffix(name):
			candidates = append(candidates, name)
		}
	}
	safe := slices.DeleteFunc(slices.Clone(candidates), func(name string) bool { return filepath.Ext(name) != ".safetensors" })
	for _, choice := range [][]string{indices, candidates, safe} {
		if len(choice) == 1 {
			return filepath.Join(folder, choice[0]), nil
		}
	}
	if len(candidates) > 1 {
		return "", fmt.Errorf("importer: folder %q contains %q and none is named %s: give the path of one of them", folder, candidates, weightsName)
	}
	return "", fmt.Errorf("importer: folder %q contains no weights: %s or another file that ends in one of %q", folder, weightsName, checkpoint.Suffixes)
}

// locateScheduler finds the scheduler for a network's folder: in that folder, in its subfolder
// "scheduler", or in the pipeline that contains a folder named unet.
func locateScheduler(folder string) string {
	paths := []string{filepath.Join(folder, schedulerName), filepath.Join(folder, "scheduler", schedulerName)}
	if abs, err := filepath.Abs(folder); err == nil && slices.Contains(networks, filepath.Base(abs)) {
		paths = append(paths, filepath.Join(filepath.Dir(abs), "scheduler", schedulerName))
	}
	for _, path := range paths {
		if exists(path) {
			return path
		}
	}
	return ""
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// readFile reads a file other than weights.
func readFile(path string) ([]byte, error) {
	data, err := weights.ReadFile(path, maxConfig)
	if err != nil {
		return nil, fmt.Errorf("importer: %w", err)
	}
	return data, nil
}
