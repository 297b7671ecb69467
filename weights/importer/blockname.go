package importer

import (
	"fmt"
	"strconv"
	"strings"
)

// blockName is the name of a parameter of a U-Net in diffusers' naming, which this program
// uses, in its parts.
type blockName struct {
	side  string // down_blocks, mid_block, up_blocks; "" for layers before and after the blocks
	block int    // of down_blocks and up_blocks, in the order in which they run
	kind  string // resnets, attentions, downsamplers, upsamplers
	index int    // among layers of its kind in the block
	layer string // such as conv1 or to_out.0
	leaf  string // weight or bias
}

// parseBlockName parses a name such as down_blocks.1.resnets.0.conv1.weight. It reports whether
// the name is that of a parameter in a block.
func parseBlockName(name string) (blockName, bool) {
	parts := strings.Split(name, ".")
	p := blockName{leaf: parts[len(parts)-1]}
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

// level returns the level of a block's resolution in a network with the given number of levels:
// 0 is the highest resolution.
func (p blockName) level(levels int) int {
	switch p.side {
	case "up_blocks":
		return levels - 1 - p.block
	case "mid_block":
		return levels - 1
	}
	return p.block
}

// layers maps this program's names of layers in a block to another program's.
type layers map[string]string

// of returns the other program's name of a parameter, after the given prefix.
func (l layers) of(prefix string, p blockName) string {
	layer, ok := l[p.layer]
	if !ok {
		layer = p.layer
	}
	return fmt.Sprintf("%s.%s.%s", prefix, layer, p.leaf)
}
