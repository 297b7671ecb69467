package infer

import (
	"sync"

	"tweedie/core/graph"
)

// Team is one member's view of those that evaluate one network together, each
// its own channels of what is large. They run the same plan in step: every
// member calls Exchange as often, with the same rows and starts.
type Team interface {
	// Rank returns the member's number; 0 leads.
	Rank() int
	// Size returns how many members there are.
	Size() int
	// Exchange gives this member's numbers, own, to the others and takes theirs:
	// member i's are rows·starts[i] to rows·starts[i+1] of all. The member's own
	// place in all is left as it is. It panics if the team has broken up, which
	// leaves the plan ready for another run.
	Exchange(all, own []float32, rows int, starts []int)
}

// Traffic returns the most numbers that a team exchanges at once in evaluating p
// on up to batch samples; 0 if two members would have nothing to share.
func Traffic(p *graph.Program, batch int) int {
	most, shared := told(p, batch), false
	for i := range p.Nodes {
		n := &p.Nodes[i]
		most = max(most, batch*p.Size(n.Out))
		s := starts(p, n.Out, 2)
		if s == nil {
			continue
		}
		_, need := graph.Part(n.Op, p.Shapes(n.In), p.Shape(n.Out), s, 0)
		shared = shared || need == graph.Rows && worth(p, n, s)
	}
	if !shared {
		return 0
	}
	return most
}

// told returns the numbers by which a leader tells the others what to evaluate:
// how many samples, then every input for a whole batch.
func told(p *graph.Program, batch int) int {
	n := 1
	for _, d := range p.Inputs {
		n += batch * p.Size(d.Value)
	}
	return n
}

// Threads returns a team of n goroutines, one member each.
func Threads(n int) []Team {
	m := &meeting{waiting: n, size: n}
	m.all.L = &m.lock
	team := make([]Team, n)
	for i := range team {
		team[i] = &thread{meeting: m, rank: i}
		m.shown[0], m.shown[1] = append(m.shown[0], nil), append(m.shown[1], nil)
	}
	return team
}

// meeting is where threads wait for each other and show what they have. Two sides
// used in turn make one wait an exchange enough: who writes to a side has met all
// others since they read it.
type meeting struct {
	lock    sync.Mutex
	all     sync.Cond
	size    int
	waiting int // members that are still to come
	round   int
	shown   [2][][]float32 // by side and rank
}

type thread struct {
	*meeting
	rank, side int
}

func (t *thread) Rank() int { return t.rank }
func (t *thread) Size() int { return t.size }

func (t *thread) Exchange(all, own []float32, rows int, starts []int) {
	shown := t.shown[t.side]
	t.side = 1 - t.side
	shown[t.rank] = append(shown[t.rank][:0], own...)
	t.meet()
	for i := range shown {
		if i != t.rank {
			copy(all[rows*starts[i]:rows*starts[i+1]], shown[i])
		}
	}
}

// meet returns when every member has called it.
func (m *meeting) meet() {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.waiting--
	if m.waiting == 0 {
		m.waiting = m.size
		m.round++
		m.all.Broadcast()
		return
	}
	for round := m.round; round == m.round; {
		m.all.Wait()
	}
}
