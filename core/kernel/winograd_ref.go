package kernel

// runs are the runs of consecutive numbers that a transform reads or writes: run j of
// step k starts at data[k·step + j·stride].
type runs struct {
	data         []float32
	stride, step int
}

func (r runs) at(k, j int) []float32 { return r.data[k*r.step+j*r.stride:] }

// The references of the transforms. For every step and every i < n, each computes element
// i of the output runs from element i of the input runs.

// winogradInputRef computes Bᵀ d: from 6 runs to 6.
func winogradInputRef(to, from runs, times, n int) {
	for k := range times {
		for i := range n {
			var d [6]float32
			for j := range d {
				d[j] = from.at(k, j)[i]
			}
			a, b := d[4]-4*d[2], d[3]-4*d[1]
			c, e := d[4]-d[2], 2*(d[3]-d[1])
			to.at(k, 0)[i] = float32(float32(4*d[0])-float32(5*d[2])) + d[4]
			to.at(k, 1)[i], to.at(k, 2)[i] = a+b, a-b
			to.at(k, 3)[i], to.at(k, 4)[i] = c+e, c-e
			to.at(k, 5)[i] = float32(float32(4*d[1])-float32(5*d[3])) + d[5]
		}
	}
}

// winogradFilterRef computes G g: from 3 runs to 6.
func winogradFilterRef(to, from runs, times, n int) {
	const sixth, twentyFourth = float32(-1.0 / 6), float32(1.0 / 24)
	for k := range times {
		for i := range n {
			g0, g1, g2 := from.at(k, 0)[i], from.at(k, 1)[i], from.at(k, 2)[i]
			s, u, v := g0+g2, g0+4*g2, 2*g1
			to.at(k, 0)[i] = 0.25 * g0
			to.at(k, 1)[i], to.at(k, 2)[i] = sixth*(s+g1), sixth*(s-g1)
			to.at(k, 3)[i], to.at(k, 4)[i] = twentyFourth*(u+v), twentyFourth*(u-v)
			to.at(k, 5)[i] = g2
		}
	}
}

// winogradOutputRef computes Aᵀ m: from 6 runs to 4.
func winogradOutputRef(to, from runs, times, n int) {
	for k := range times {
		for i := range n {
			var m [6]float32
			for j := range m {
				m[j] = from.at(k, j)[i]
			}
			s, d := m[1]+m[2], m[1]-m[2]
			u, v := m[3]+m[4], m[3]-m[4]
			to.at(k, 0)[i] = m[0] + s + u
			to.at(k, 1)[i] = d + 2*v
			to.at(k, 2)[i] = s + 4*u
			to.at(k, 3)[i] = d + 8*v + m[5]
		}
	}
}
