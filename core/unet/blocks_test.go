package unet_test

import (
	"fmt"
	"slices"
	"testing"

	"tweedie/core/unet"
)

// Every combination of block types that diffusers can run builds a network whose output has
// the shape of its input.
func TestBlockTypes(t *testing.T) {
	downs := []string{"DownBlock2D", "AttnDownBlock2D", "SkipDownBlock2D", "AttnSkipDownBlock2D"}
	ups := []string{"UpBlock2D", "AttnUpBlock2D", "SkipUpBlock2D", "AttnSkipUpBlock2D"}
	built, refused := 0, 0
	for i := range 4 * 4 * 4 * 4 {
		down, up := []string{downs[i%4], downs[i/4%4]}, []string{ups[i/16%4], ups[i/64]}
		net, err := unet.Build(&unet.Config{
			SampleSize: unet.Size{H: 8, W: 4}, InChannels: 3, OutChannels: 3, BlockOutChannels: []int{32, 64}, LayersPerBlock: 1,
			DownBlockTypes: down, UpBlockTypes: up, NormNumGroups: 8, NormEps: 1e-5, MidBlockScale: 2, FlipSinToCos: true,
		})
		if i/16%4 >= 2 && i/64 < 2 { // the output of the first block would never be doubled
			if refused++; err == nil {
				t.Errorf("%v and %v: built", down, up)
			}
			continue
		}
		if built++; err != nil {
			t.Errorf("%v and %v: %v", down, up, err)
		} else if got := net.Program.Shape(net.Out); !slices.Equal(got, []int{8, 4, 3}) {
			t.Errorf("%v and %v: got shape %v", down, up, got)
		}
	}
	if text := fmt.Sprint(built, refused); text != "192 64" {
		t.Errorf("built and refused %s, want 192 and 64", text)
	}
}
