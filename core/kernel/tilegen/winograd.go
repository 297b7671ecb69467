package main

import (
	"bytes"
	"fmt"
)

// The one-dimensional transforms of F(4,3) as code for named variables: Lavin & Gray
// 2016, arXiv:1509.09308, section 4.3. k4, k5 and so on are broadcast constants.

// input1 writes t = Bᵀ d.
func input1(w *bytes.Buffer, d, t []string) {
	fmt.Fprintf(w, "a, b := %s.Sub(k4.Mul(%s)), %s.Sub(k4.Mul(%s))\n", d[4], d[2], d[3], d[1])
	fmt.Fprintf(w, "c, e := %s.Sub(%s), k2.Mul(%s.Sub(%s))\n", d[4], d[2], d[3], d[1])
	fmt.Fprintf(w, "%s := k4.Mul(%s).Sub(k5.Mul(%s)).Add(%s)\n", t[0], d[0], d[2], d[4])
	fmt.Fprintf(w, "%s, %s := a.Add(b), a.Sub(b)\n", t[1], t[2])
	fmt.Fprintf(w, "%s, %s := c.Add(e), c.Sub(e)\n", t[3], t[4])
	fmt.Fprintf(w, "%s := k4.Mul(%s).Sub(k5.Mul(%s)).Add(%s)\n", t[5], d[1], d[3], d[5])
}

// filter1 writes t = G g.
func filter1(w *bytes.Buffer, g, t []string) {
	fmt.Fprintf(w, "s, u := %s.Add(%s), %s.Add(k4.Mul(%s))\n", g[0], g[2], g[0], g[2])
	fmt.Fprintf(w, "v := k2.Mul(%s)\n", g[1])
	fmt.Fprintf(w, "%s := quarter.Mul(%s)\n", t[0], g[0])
	fmt.Fprintf(w, "%s, %s := sixth.Mul(s.Add(%s)), sixth.Mul(s.Sub(%s))\n", t[1], t[2], g[1], g[1])
	fmt.Fprintf(w, "%s, %s := twentyFourth.Mul(u.Add(v)), twentyFourth.Mul(u.Sub(v))\n", t[3], t[4])
	fmt.Fprintf(w, "%s := %s\n", t[5], g[2])
}

// output1 writes y = Aᵀ m.
func output1(w *bytes.Buffer, m, y []string) {
	fmt.Fprintf(w, "s, d := %s.Add(%s), %s.Sub(%s)\n", m[1], m[2], m[1], m[2])
	fmt.Fprintf(w, "u, v := %s.Add(%s), %s.Sub(%s)\n", m[3], m[4], m[3], m[4])
	fmt.Fprintf(w, "%s := %s.Add(s).Add(u)\n", y[0], m[0])
	fmt.Fprintf(w, "%s := d.Add(k2.Mul(v))\n", y[1])
	fmt.Fprintf(w, "%s := s.Add(k4.Mul(u))\n", y[2])
	fmt.Fprintf(w, "%s := d.Add(k8.Mul(v)).Add(%s)\n", y[3], m[5])
}

// names returns prefix0, prefix1, …, n names.
func names(prefix string, n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint(prefix, i))
	}
	return out
}

// transforms are the three transforms, with their numbers of inputs and outputs.
var transforms = []struct {
	name      string
	in, out   int
	formula   func(w *bytes.Buffer, in, out []string)
	constants []string
}{
	{"Input", 6, 6, input1, []string{"k2", "k4", "k5"}},
	{"Filter", 3, 6, filter1, []string{"k2", "k4", "quarter", "sixth", "twentyFourth"}},
	{"Output", 6, 4, output1, []string{"k2", "k4", "k8"}},
}

var constants = map[string]string{
	"k2": "2", "k4": "4", "k5": "5", "k8": "8", "quarter": "0.25", "sixth": "-1.0 / 6", "twentyFourth": "1.0 / 24",
}

// writeWinograd writes the one-dimensional transforms for one vector width. They process
// 16 numbers of every run at a time.
func writeWinograd(w *bytes.Buffer, t target) {
	for _, f := range transforms {
		fmt.Fprintf(w, "\nfunc winograd%s%d(to, from runs, times, n int) {\n", f.name, t.lanes)
		for _, name := range f.constants {
			fmt.Fprintf(w, "%s := archsimd.Broadcast%s(%s)\n", name, t.vector(), constants[name])
		}
		fmt.Fprintf(w, "for k := range times {\n")
		sliceRuns(w, "s", "from", f.in)
		sliceRuns(w, "d", "to", f.out)
		fmt.Fprintf(w, "for i := 0; i <= n-16; i += 16 {\n")
		pointRuns(w, "p", "s", f.in)
		pointRuns(w, "q", "d", f.out)
		for v := 0; v < 16; v += t.lanes {
			fmt.Fprintf(w, "{\n")
			for j := range f.in {
				fmt.Fprintf(w, "x%d := %s\n", j, t.load(fmt.Sprint("p", j), v))
			}
			f.formula(w, names("x", f.in), names("y", f.out))
			for j := range f.out {
				fmt.Fprintf(w, "y%d.StoreArray((*[%d]float32)(q%d[%d:%d]))\n", j, t.lanes, j, v, v+t.lanes)
			}
			fmt.Fprintf(w, "}\n")
		}
		fmt.Fprintf(w, "}\n}\n}\n")
	}
}

// sliceRuns writes the slices of the runs of step k.
func sliceRuns(w *bytes.Buffer, name, of string, n int) {
	for j := range n {
		fmt.Fprintf(w, "%s%d := %s.data[k*%s.step+%d*%s.stride:][:n]\n", name, j, of, of, j, of)
	}
}

// pointRuns writes the array pointers to 16 numbers of each run.
func pointRuns(w *bytes.Buffer, name, of string, n int) {
	for j := range n {
		fmt.Fprintf(w, "%s%d := (*[16]float32)(%s%d[i:])\n", name, j, of, j)
	}
}

// writeWinogradChoice writes the methods that call the transform for a vector width.
func writeWinogradChoice(w *bytes.Buffer, machine string) {
	for _, f := range transforms {
		fmt.Fprintf(w, "\nfunc (s *tileSet) winograd%s(to, from runs, times, n int) {\nswitch s.lanes {\n", f.name)
		for _, t := range targets {
			if t.machine == machine {
				fmt.Fprintf(w, "case %d:\nwinograd%s%d(to, from, times, n)\n", t.lanes, f.name, t.lanes)
			}
		}
		fmt.Fprintf(w, "default:\nwinograd%sRef(to, from, times, n)\n}\n}\n", f.name)
	}
}
