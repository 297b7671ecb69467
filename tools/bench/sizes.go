package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/andybalholm/brotli"

	"tweedie/core/model"
	"tweedie/tools/internal/profile"
	"tweedie/weights"
)

// memory compares the wasm memory in use after one evaluation, for us with int8 weights. Each
// side has its own tab.
func (s *session) memory(name string) error {
	var mb [2]float64
	for i, side := range [][2]string{{"forward", name + "-int8"}, {"ort", name}} {
		s.progress("memory " + side[1])
		t, err := s.newTab()
		if err != nil {
			return err
		}
		err = t.run(&mb[i], `const { measure } = await import('/bench/memory.js')
			const side = await bench.%s(%q, %q, 1, 1)
			await side.run()
			return await measure() / 1e6`, side[0], side[1], name)
		t.close()
		if err != nil {
			return err
		}
		if mb[i] == 0 {
			return fmt.Errorf("memory of %s: got 0 bytes", side[0])
		}
	}
	s.record(row{Group: "memory", Work: name + " at int8, 1 image", Peer: ortWeb + ", float32", Unit: "MB", Must: 0.4, Aim: 0.25}, mb)
	return nil
}

// bytes compares the bytes that a page downloads until its first evaluation, without the model,
// with brotli at its highest level.
func (s *session) bytes(name string) error {
	var mb [2]float64
	for i, side := range []string{"forward", "ort"} {
		s.progress("bytes " + side)
		t, err := s.newTab()
		if err != nil {
			return err
		}
		err = t.run(nil, `await (await bench.%s(%q, %q, 1, 1)).run()`, side, name, name)
		t.close()
		if err != nil {
			return err
		}
		for _, file := range s.browser.loaded() {
			if strings.HasPrefix(file, source) || strings.Contains(file, "models") || filepath.Dir(file) == filepath.Clean(s.work) {
				continue // part of this benchmark, or a model
			}
			n, err := compressed(file)
			if err != nil {
				return err
			}
			mb[i] += float64(n) / 1e6
		}
	}
	s.record(row{Group: "bytes", Work: "runtime, brotli", Peer: ortWeb, Unit: "MB", Must: 0.4, Aim: 0.3}, mb)
	return nil
}

// record records a result that does not vary between rounds.
func (s *session) record(r row, v [2]float64) {
	one := func(v float64) quartiles { return quartiles{v, v, v} }
	s.results = append(s.results, result{r, 1, one(v[0]), one(v[1]), one(v[0] / v[1])})
}

// compressed returns the size of a file with brotli: that of the .br file next to it, which
// tweedie site wrote, or else of one that is kept for the next time.
func compressed(file string) (int64, error) {
	if info, err := os.Stat(file + ".br"); err == nil {
		return info.Size(), nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	var b bytes.Buffer
	w := brotli.NewWriterLevel(&b, brotli.BestCompression)
	if _, err := w.Write(data); err != nil {
		return 0, err
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	return int64(b.Len()), os.WriteFile(file+".br", b.Bytes(), 0o666)
}

// profiled is a profile and where it was measured.
type profiled struct {
	Where string `json:"where"`
	*profile.Report
}

// ops profiles the evaluation of every network, natively and in Chromium.
func (s *session) ops() error {
	for _, name := range networks {
		f, err := weights.Open(s.model(name))
		if err != nil {
			return err
		}
		m, err := model.Open(f)
		if err != nil {
			return err
		}
		for _, fast := range []bool{false, true} {
			s.progress("ops " + name + " natively")
			r, err := profile.Measure(m, profile.Options{Fast: fast, Time: time.Second})
			if err != nil {
				return err
			}
			s.profiles = append(s.profiles, profiled{"native", r})
		}
		s.progress("ops " + name + " in Chromium")
		if err := s.opsInChromium(name); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) opsInChromium(name string) error {
	t, err := s.newTab()
	if err != nil {
		return err
	}
	defer t.close()
	var text string
	if err := t.run(&text, `return bench.profile(%q)`, name); err != nil {
		return err
	}
	r := &profile.Report{}
	if err := json.Unmarshal([]byte(text), r); err != nil {
		return err
	}
	s.profiles = append(s.profiles, profiled{"Chromium", r})
	return nil
}
