package infer

import "sort"

// span is a range of the arena and the last step that reads it.
type span struct{ at, size, last int }

// layout assigns an offset in the arena to every computed slot, first fit in the order
// of the steps. Two slots share memory only if one is dead before the other is
// computed. Offsets are −1 for slots that no step writes.
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
	var live []span // by offset
	for i, s := range steps {
		alive := live[:0]
		for _, l := range live {
			if l.last >= i {
				alive = append(alive, l)
			}
		}
		live = alive
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
