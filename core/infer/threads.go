package infer

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Threads returns a team of n goroutines, one member each.
func Threads(n int) []TensorParallel {
	m := &meeting{size: int32(n)}
	if n <= runtime.GOMAXPROCS(0) { // else members wait for a processor, not for each other
		m.looks = looks
	}
	m.all.L = &m.lock
	team := make([]TensorParallel, n)
	for i := range team {
		team[i] = &thread{meeting: m, rank: i}
		m.shown[0], m.shown[1] = append(m.shown[0], nil), append(m.shown[1], nil)
		m.lent = append(m.lent, nil)
	}
	return team
}

// neighbour is a member of a team who reads the others' memory.
type neighbour interface {
	TensorParallel
	// lend shows own to the others and returns what each of them shows, by rank. All
	// of it stays as it is until every member has called done.
	lend(own []float32) [][]float32
	done()
}

// meeting is where threads wait for each other and show what they have. Of what is
// copied there are two sides used in turn, so that one wait an exchange is enough:
// who writes to a side has met all others since they read it.
type meeting struct {
	size  int32
	looks int
	came  atomic.Int32  // members of this round
	round atomic.Uint32 // those that are over
	lock  sync.Mutex
	all   sync.Cond
	shown [2][][]float32 // by side and rank
	lent  [][]float32    // by rank
}

type thread struct {
	*meeting
	rank, side int
}

func (t *thread) Rank() int { return t.rank }
func (t *thread) Size() int { return int(t.size) }

func (t *thread) AllGather(all, own []float32, rows int, starts []int) {
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

func (t *thread) lend(own []float32) [][]float32 {
	t.lent[t.rank] = own
	t.meet()
	return t.lent
}

func (t *thread) done() { t.meet() }

// looks is how often a member looks for the others before it sleeps, some 3 ms. Being
// woken takes long, on a virtual machine up to a tenth of that, and who is late makes
// the others sleep in turn.
const looks = 5_000_000

// meet returns when every member has called it.
func (m *meeting) meet() {
	round := m.round.Load()
	if m.came.Add(1) == m.size {
		m.came.Store(0)
		m.lock.Lock()
		m.round.Add(1)
		m.lock.Unlock()
		m.all.Broadcast()
		return
	}
	for i := range m.looks {
		if m.round.Load() != round {
			return
		}
		if i%1024 == 1023 {
			runtime.Gosched()
		}
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	for m.round.Load() == round {
		m.all.Wait()
	}
}
