package infer

import "sort"

// span is a piece of the arena and the last step that reads it.
type span struct{ at, size, last int }

// layout gives every computed slot a place, so that two slots share memory only
// if one is dead before the other is made: first fit, in order of making.
// Offsets are −1 for slots that no step writes.
func layout(steps []step, sizes []int, out, batch int) (offsets []int, arena int) {
	last := make([]int, len(sizes))
	for i, s := range steps {
		last[s.out] = i
		for _, v := range s.in {
			last[v] = i
		}
	}
	last[out] = len(steps)
	offsets = make([]int, len(sizes))
	for i := range offsets {
		offsets[i] = -1
	}
	var live []span // by place
	for i, s := range steps {
		kept := live[:0]
		for _, l := range live {
			if l.last >= i {
				kept = append(kept, l)
			}
		}
		live = kept
		size := batch * sizes[s.out]
		at := 0
		for _, l := range live {
			if at+size <= l.at {
				break
			}
			at = max(at, l.at+l.size)
		}
		offsets[s.out] = at
		arena = max(arena, at+size)
		live = append(live, span{at, size, last[s.out]})
		sort.Slice(live, func(a, b int) bool { return live[a].at < live[b].at })
	}
	return offsets, arena
}
