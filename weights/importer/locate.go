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
	averaged      = "unet_ema" // what training scripts keep beside "unet"
)

// networks are the folders of a pipeline's network, the one to be taken first.
var networks = []string{averaged, "unet"}

// maxConfig is the most that is read of a file that is not weights.
const maxConfig = 1 << 20

// files says where the parts of a checkpoint are; config, scheduler and own are "" if it
// has none.
type files struct{ weights, config, scheduler, own string }

// locate finds the parts of the checkpoint at path: of a pipeline, the average of its
// network if there is one, unless plain is asked for.
func locate(path string, plain bool) (files, error) {
	info, err := os.Stat(path)
	if err != nil {
		return files{}, fmt.Errorf("importer: %w", err)
	}
	if !info.IsDir() {
		return locateFile(path), nil
	}
	// A pipeline keeps the network and the scheduler in folders of their own.
	folder := path
	for _, name := range networks {
		if !exists(filepath.Join(folder, configName)) && exists(filepath.Join(path, name, configName)) && !(plain && name == averaged) {
			folder = filepath.Join(path, name)
		}
	}
	found := files{scheduler: locateScheduler(folder)}
	if config := filepath.Join(folder, configName); exists(config) {
		found.config = config
	}
	if own := filepath.Join(folder, ownName); exists(own) {
		found.own = own
	}
	found.weights, err = locateWeights(folder)
	return found, err
}

// locateFile finds what belongs to a single file of weights.
func locateFile(path string) files {
	folder := filepath.Dir(path)
	found := files{weights: path, scheduler: locateScheduler(folder)}
	if own := filepath.Join(folder, ownName); exists(own) {
		found.own = own
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

// locateWeights finds the file of weights in a folder: the one of diffusers' usual
// name, else an index of several, else the only one there is.
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
		case checkpoint.Named(name):
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
		return "", fmt.Errorf("importer: folder %q holds %q, need one file of weights, or %s among them", folder, candidates, weightsName)
	}
	return "", fmt.Errorf("importer: folder %q holds no weights, need %s or another file that ends in one of %q", folder, weightsName, checkpoint.Suffixes)
}

// locateScheduler finds the scheduler of a network's folder: beside it, in a
// folder of its own, or in the pipeline around a folder named unet.
func locateScheduler(folder string) string {
	places := []string{filepath.Join(folder, schedulerName), filepath.Join(folder, "scheduler", schedulerName)}
	if abs, err := filepath.Abs(folder); err == nil && slices.Contains(networks, filepath.Base(abs)) {
		places = append(places, filepath.Join(filepath.Dir(abs), "scheduler", schedulerName))
	}
	for _, path := range places {
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

// readFile reads a file that is not weights.
func readFile(path string) ([]byte, error) {
	data, err := weights.ReadFile(path, maxConfig)
	if err != nil {
		return nil, fmt.Errorf("importer: %w", err)
	}
	return data, nil
}
