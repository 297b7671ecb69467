package engine

import "time"

// pacer sizes the chunks in which a batch is evaluated, so that one chunk takes about a
// slice of time, and yields to the host between them. The size of chunks never changes
// the images.
type pacer struct {
	most  int           // images of a chunk
	slice time.Duration // target; 0 means that all chunks have the largest size
	yield func()        // nil means that nothing is called
	now   func() time.Time

	size int       // of the next chunk
	last time.Time // end of the last yield
}

func newPacer(o Options) *pacer {
	p := &pacer{most: o.Chunk, slice: o.Slice, yield: o.Yield, now: time.Now, size: o.Chunk}
	if p.slice > 0 {
		p.size = 1
	}
	return p
}

// start is called at the beginning of a run.
func (p *pacer) start() { p.last = p.now() }

// chunk is called after a chunk, with its size and the time when its evaluation began.
func (p *pacer) chunk(n int, began time.Time) {
	if p.slice <= 0 {
		return
	}
	now := p.now()
	p.size = min(p.most, 2*p.size) // a first guess, as clocks of browsers are coarse
	if each := now.Sub(began) / time.Duration(n); each > 0 {
		p.size = max(1, min(p.size, int(p.slice/each)))
	}
	if p.yield != nil && now.Sub(p.last) >= p.slice/2 {
		p.yield()
		p.last = p.now()
	}
}
