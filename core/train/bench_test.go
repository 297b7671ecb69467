package train

import (
	"encoding/json"
	"fmt"
	"testing"

	"tweedie/core/graph"
	"tweedie/core/model"
	"tweedie/core/unet"
)

func benchConfig(channels []int, layers, patch, batch int) *Config {
	down, up := make([]string, len(channels)), make([]string, len(channels))
	for i := range channels {
		down[i], up[i] = "DownBlock2D", "UpBlock2D"
	}
	last := len(channels) - 1
	down[last], up[0] = "AttnDownBlock2D", "AttnUpBlock2D"
	classes, null := 11, 10
	head := 32
	_ = head
	return &Config{
		Model: model.Config{
			Arch: model.UNet2D, Prediction: model.EDM, SigmaData: 0.6, TimeScale: 100, SigmaMin: 0.01, SigmaMax: 40,
			Shape: [3]int{1, 28, 28}, Classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, NullClass: &null,
			UNet: &unet.Config{SampleSize: unet.Square(28), InChannels: 1, OutChannels: 1, BlockOutChannels: channels, DownBlockTypes: down, UpBlockTypes: up,
				LayersPerBlock: layers, NormNumGroups: 8, NormEps: 1e-5, NumClassEmbeds: &classes, Patch: patch},
		},
		Seed: 1, Steps: 1000, Batch: batch, Shards: 4, LearningRate: 2e-3, PMean: -1, PStd: 1.2, Average: 0.999, Clip: 1, DropClass: 0.1,
	}
}

func BenchmarkStep(b *testing.B) {
	data := &Data{N: 256, H: 28, W: 28, C: 1, Images: make([]uint8, 256*784), Labels: make([]int, 256)}
	for i := range data.Images {
		data.Images[i] = uint8(i * 7)
	}
	for _, s := range []struct {
		ch     []int
		layers int
		patch  int
	}{{[]int{48, 96}, 1, 2}, {[]int{32, 64, 64}, 1, 1}} {
		c := benchConfig(s.ch, s.layers, s.patch, 64)
		t, err := New(c, data, nil)
		if err != nil {
			b.Fatal(err)
		}
		cost := graph.CostOf(t.network.Program)
		js, _ := json.Marshal(cost)
		b.Run(fmt.Sprintf("ch=%v/layers=%d/patch=%d/%s", s.ch, s.layers, s.patch, js), func(b *testing.B) {
			for b.Loop() {
				if _, err := t.Step(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(64*float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
