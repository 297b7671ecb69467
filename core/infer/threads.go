package infer

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Threads returns the members of a group of n goroutines, one for each.
func Threads(n int) []TensorParallel {
	m := &barrier{size: int32(n)}
	if n <= runtime.GOMAXPROCS(0) { // otherwise spinning only keeps others from running
		m.spins = maxSpins
	}
	m.released.L = &m.lock
	members := make([]TensorParallel, n)
	for i := range members {
		members[i] = &thread{barrier: m, rank: i}
		m.copies[0], m.copies[1] = append(m.copies[0], nil), append(m.copies[1], nil)
		m.shared = append(m.shared, nil)
	}
	return members
}

// sharedMemory is a member of a group whose members can read each other's memory.
type sharedMemory interface {
	TensorParallel
	// share publishes own and returns what every member has published, by rank. All of
	// it must stay unchanged until every member has called release.
	share(own []float32) [][]float32
	release()
}

// barrier is where threads wait for each other and exchange numbers. There are two
// buffers for copies, used in turn, so that an exchange needs a single wait: between a
// read from a buffer and the next write to it there is a wait for all members.
type barrier struct {
	size     int32
	spins    int
	arrived  atomic.Int32  // number of members that wait in this round
	round    atomic.Uint32 // number of rounds that are over
	lock     sync.Mutex
	released sync.Cond
	copies   [2][][]float32 // by buffer and rank
	shared   [][]float32    // by rank
}

type thread struct {
	*barrier
	rank, side int
}

func (t *thread) Rank() int { return t.rank }
func (t *thread) Size() int { return int(t.size) }

func (t *thread) AllGather(all, own []float32, rows int, starts []int) {
	copies := t.copies[t.side]
	t.side = 1 - t.side
	copies[t.rank] = append(copies[t.rank][:0], own...)
	t.wait()
	for i := range copies {
		if i != t.rank {
			copy(all[rows*starts[i]:rows*starts[i+1]], copies[i])
		}
	}
}

func (t *thread) share(own []float32) [][]float32 {
	t.shared[t.rank] = own
	t.wait()
	return t.shared
}

func (t *thread) release() { t.wait() }

// maxSpins is the number of times that a member checks for the others before it sleeps,
// about 3 ms. Waking up takes long, on a virtual machine up to a tenth of that, and a
// late member makes the others sleep in turn.
const maxSpins = 5_000_000

// wait returns when all members have called it.
func (m *barrier) wait() {
	round := m.round.Load()
	if m.arrived.Add(1) == m.size {
		m.arrived.Store(0)
		m.lock.Lock()
		m.round.Add(1)
		m.lock.Unlock()
		m.released.Broadcast()
		return
	}
	for i := range m.spins {
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
		m.released.Wait()
	}
}
