package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
)

// networks are the measured networks, the smallest first; export.py writes them.
var networks = []string{"mnist", "rgb32", "cifar10"}

const (
	ortWeb    = "ONNX Runtime Web 1.30"
	ortNative = "ONNX Runtime 1.30"
)

// group is a group of rows of the table. Its comparison is created only when it is its turn, so
// that those that wait take no memory or threads.
type group struct {
	name    string
	does    string
	measure func(s *session) error
}

// groups are the groups of the table, in order.
var groups = []group{
	{"web1", "one evaluation in Chromium, one thread", func(s *session) error {
		return each(networks, func(name string) error {
			return s.web(name, 1, 1, row{Group: "web1", Must: 0.65, Aim: 0.45})
		})
	}},
	{"web2", "one evaluation of one image in Chromium, two threads", func(s *session) error {
		return each(networks[1:], func(name string) error {
			return s.web(name, 1, 2, row{Group: "web2", Must: 0.65, Aim: 0.5})
		})
	}},
	{"web16", "sixteen images in Chromium, two threads", func(s *session) error {
		return each(networks[1:], func(name string) error {
			return s.web(name, 16, 2, row{Group: "web16", Must: 1.6, Aim: 2, More: true, Count: 16})
		})
	}},
	{"native", "one evaluation natively, fast and exact, one and two threads", func(s *session) error {
		return each([]int{1, 2}, func(threads int) error {
			return each(networks, func(name string) error { return s.native(name, threads) })
		})
	}},
	{"train", "training steps, two threads", func(s *session) error {
		if err := s.train("mnist", 64, 2); err != nil {
			return err
		}
		return s.train("rgb32", 16, 2)
	}},
	{"memory", "wasm memory after one evaluation in Chromium, one thread", func(s *session) error { return s.memory("cifar10") }},
	{"bytes", "bytes before the first evaluation", func(s *session) error { return s.bytes("mnist") }},
	{"ops", "where the time goes, by operation", (*session).ops},
}

// each calls do for every element until one fails.
func each[T any](all []T, do func(T) error) error {
	for _, v := range all {
		if err := do(v); err != nil {
			return err
		}
	}
	return nil
}

// session is one run of the comparisons.
type session struct {
	*environment
	ctx      context.Context
	browser  *browser // opened by the first group that needs it
	rounds   int
	progress func(string)

	results  []result
	profiles []profiled
}

// newTab returns a new tab.
func (s *session) newTab() (*tab, error) {
	if s.browser == nil {
		b, err := s.openBrowser(s.ctx)
		if err != nil {
			return nil, err
		}
		s.browser = b
	}
	return s.browser.open()
}

// compare measures a comparison and records its results.
func (s *session) compare(c *comparison) error {
	got, err := c.measure(s.ctx, s.rounds, s.progress)
	if err != nil {
		return fmt.Errorf("%s, %s: %w", c.rows[0].Group, c.rows[0].Work, err)
	}
	s.results = append(s.results, got...)
	return nil
}

// web measures a network in Chromium. A batch is also drawn by the sampler.
func (s *session) web(name string, batch, threads int, r row) error {
	t, err := s.newTab()
	if err != nil {
		return err
	}
	defer t.close()
	r.Peer, r.Unit = ortWeb, "ms"
	makers := []string{"forward"}
	if r.Count > 0 {
		makers, r.Unit = append(makers, "sample"), "images/s"
	}
	theirs, output, err := t.side("ort", name, name, batch, threads)
	if err != nil {
		return err
	}
	want, err := output()
	if err != nil {
		return err
	}
	c := &comparison{theirs: theirs}
	for _, maker := range makers {
		turn, output, err := t.side(maker, name, name, batch, threads)
		if err != nil {
			return err
		}
		if maker == "forward" {
			got, err := output()
			if err != nil {
				return err
			}
			if err := compareOutputs(got, want); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		r.Work = fmt.Sprintf("%s, %d × model.%s, %s", name, batch, maker, threadCount(threads))
		c.rows, c.ours = append(c.rows, r), append(c.ours, turn)
	}
	return s.compare(c)
}

// native measures a network natively, fast and exact against one peer.
func (s *session) native(name string, threads int) error {
	abs, err := filepath.Abs(source)
	if err != nil {
		return err
	}
	peer, err := start(s.ctx, s.work, "node", filepath.Join(abs, "native.js"), name+"-1.onnx", name+".x", "1", fmt.Sprint(threads))
	if err != nil {
		return err
	}
	defer peer.close()
	var want []float32
	if err := peer.ask("output", &want); err != nil {
		return err
	}
	c := &comparison{theirs: peer.turn}
	for _, r := range []row{{Work: "fast", Must: 0.9, Aim: 0.7}, {Work: "exact", Must: 1.5, Aim: 1.1}} {
		e, err := s.newEvaluator(name, 1, threads, r.Work == "fast")
		if err != nil {
			return err
		}
		got, err := e.engine.Forward(s.ctx, e.x, e.t, nil)
		if err == nil {
			err = compareOutputs(got, want)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.Group, r.Peer, r.Unit = "native", ortNative, "ms"
		r.Work = fmt.Sprintf("%s, %s, %s", name, r.Work, threadCount(threads))
		c.rows, c.ours = append(c.rows, r), append(c.ours, e.turn)
	}
	return s.compare(c)
}

// train measures training steps. The sides start from different weights and draw different
// noise; only the amount of work is the same.
func (s *session) train(name string, batch, threads int) error {
	peer, err := start(s.ctx, "", python, filepath.Join(source, "train.py"), name, fmt.Sprint(batch), fmt.Sprint(threads))
	if err != nil {
		return err
	}
	defer peer.close()
	ours, err := s.newTrainer(name, batch, threads)
	if err != nil {
		return err
	}
	r := row{Group: "train", Peer: "PyTorch", Unit: "images/s", Must: 1.3, Aim: 2, More: true, Count: float64(batch)}
	r.Work = fmt.Sprintf("%s, batch %d, %s", name, batch, threadCount(threads))
	return s.compare(&comparison{rows: []row{r}, ours: []participant{ours}, theirs: peer.turn})
}

// threadCount describes a number of threads.
func threadCount(threads int) string {
	if threads == 1 {
		return "1 thread"
	}
	return fmt.Sprintf("%d threads", threads)
}

// findGroup returns the group of that name.
func findGroup(name string) (group, bool) {
	i := slices.IndexFunc(groups, func(g group) bool { return g.name == name })
	if i < 0 {
		return group{}, false
	}
	return groups[i], true
}
