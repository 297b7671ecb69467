package infer

import (
	"sort"

	"tweedie/core/graph"
)

// span is a piece of the arena and the last step that reads it.
type span struct{ at, size, last int }

// layout gives every computed value a place, so that two values share memory
// only if one is dead before the other is made: first fit, in order of making.
func layout(p *graph.Program, out graph.Value, batch int) (offsets []int, arena int) {
	last := make([]int, p.Values())
	for i, n := range p.Nodes {
		last[n.Out] = i
		for _, v := range n.In {
			last[v] = i
		}
	}
	last[out] = len(p.Nodes)
	offsets = make([]int, p.Values())
	for i := range offsets {
		offsets[i] = -1
	}
	var live []span // by place
	for i, n := range p.Nodes {
		kept := live[:0]
		for _, s := range live {
			if s.last >= i {
				kept = append(kept, s)
			}
		}
		live = kept
		size := batch * p.Size(n.Out)
		at := 0
		for _, s := range live {
			if at+size <= s.at {
				break
			}
			at = s.at + s.size
		}
		offsets[n.Out] = at
		arena = max(arena, at+size)
		live = append(live, span{at, size, last[n.Out]})
		sort.Slice(live, func(a, b int) bool { return live[a].at < live[b].at })
	}
	return offsets, arena
}
