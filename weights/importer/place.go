package importer

import (
	"fmt"
	"strconv"
	"strings"
)

// place is what a parameter of a U-Net is, taken from the name that diffusers, and so
// this program, has for it.
type place struct {
	side  string // down_blocks, mid_block, up_blocks; "" for what stands before and behind
	block int    // of down_blocks and up_blocks, in the order in which they run
	kind  string // resnets, attentions, downsamplers, upsamplers
	index int    // of its kind in the block
	layer string // such as conv1 or to_out.0
	leaf  string // weight or bias
}

// parsePlace reads a name such as down_blocks.1.resnets.0.conv1.weight. It reports
// whether the name is of a block.
func parsePlace(name string) (place, bool) {
	parts := strings.Split(name, ".")
	p := place{leaf: parts[len(parts)-1]}
	parts = parts[:len(parts)-1]
	if len(parts) < 4 {
		p.layer = strings.Join(parts, ".")
		return p, false
	}
	p.side, parts = parts[0], parts[1:]
	if p.side != "mid_block" {
		p.block, _ = strconv.Atoi(parts[0])
		parts = parts[1:]
	}
	p.kind = parts[0]
	p.index, _ = strconv.Atoi(parts[1])
	p.layer = strings.Join(parts[2:], ".")
	return p, true
}

// level returns the resolution of a block of a network of so many levels: 0 is the
// largest.
func (p place) level(levels int) int {
	switch p.side {
	case "up_blocks":
		return levels - 1 - p.block
	case "mid_block":
		return levels - 1
	}
	return p.block
}

// layers names for one program what a block's layers are called here.
type layers map[string]string

// of returns the program's name of a layer below a prefix.
func (l layers) of(prefix string, p place) string {
	layer, ok := l[p.layer]
	if !ok {
		layer = p.layer
	}
	return fmt.Sprintf("%s.%s.%s", prefix, layer, p.leaf)
}
