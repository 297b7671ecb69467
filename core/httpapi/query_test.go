//go:build !js

package httpapi_test

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"

	"tweedie/core/minijson"
	"tweedie/core/settings"
)

// Every setting that a model describes is a parameter of its pictures, those of
// inpainting apart, and of shared experiments.
func TestOptions(t *testing.T) {
	h := newFake(t)
	var about struct {
		Info struct {
			Settings []settings.Setting `json:"settings"`
		} `json:"info"`
	}
	if err := minijson.Unmarshal(h.get("/api/models/mnist").Body.Bytes(), &about); err != nil || len(about.Info.Settings) < 20 {
		t.Fatalf("%v, %d settings", err, len(about.Info.Settings))
	}
	for _, s := range about.Info.Settings {
		if w := h.get("/s/steps=3&" + s.Name + "="); strings.Contains(w.Body.String(), "need none but") {
			t.Errorf("%s: %s", s.Name, w.Body)
		}
		if w := h.get("/api/sample.png?" + s.Name + "=-"); s.Group != "inpaint" && !strings.Contains(w.Body.String(), `"parameter":"`+s.Name+`"`) {
			t.Errorf("%s=-: %s", s.Name, w.Body)
		}
	}
	for size, want := range map[string]image.Point{"56x28": {28, 56}, "28x56": {56, 28}, "28": {28, 28}} {
		w := h.get("/api/sample.png?steps=1&seed=5&class=4&size=" + size)
		if c, err := png.DecodeConfig(w.Body); err != nil || (image.Point{c.Width, c.Height}) != want {
			t.Errorf("size=%s: %d × %d, %v, want %v", size, c.Width, c.Height, err, want)
		}
		if at := w.Header().Get("Content-Location"); strings.Contains(at, "size=") != (size != "28") {
			t.Errorf("size=%s is at %s", size, at)
		}
	}
	if p := h.problemOf(h.get("/api/sample.png?steps=1&size=27")); p.Parameter != "size" || p.Status != 400 {
		t.Errorf("size=27: %+v", p)
	}
	plain := h.get("/api/sample.png?steps=3&seed=5&class=4&sampler=unipc").Body.Bytes()
	for _, more := range []string{"order=1", "schedule=cosine", "threshold=static", "guidance_sigma_max=1", "rho=3", "sigma_max=20"} {
		w := h.get("/api/sample.png?steps=3&seed=5&class=4&sampler=unipc&" + more)
		if w.Code != 200 || bytes.Equal(w.Body.Bytes(), plain) {
			t.Errorf("%s: status %d, or the picture without it", more, w.Code)
		}
	}
	for query, want := range map[string]string{
		"sampler=euler&order=2":                       `"parameter":"order"`,
		"sampler=unipc&order=2.5":                     `"parameter":"order"`,
		"sampler=ddim&brownian=yes":                   `"parameter":"brownian"`,
		"sampler=heun&s_churn=1e999":                  `"parameter":"s_churn"`,
		"threshold=dynamic&percentile=1.5":            `"parameter":"percentile"`,
		"schedule=trailing":                           `"parameter":"schedule"`,
		"sampler=pc&corrector=none&snr=0.2":           `"parameter":"snr"`,
		"schedule=cosine&rho=3":                       `"parameter":"rho"`,
		"sampler=heun&s_tmin=1":                       `"parameter":"s_tmin"`,
		"sampler=pc&corrector_steps=2&corrector=none": `"parameter":"corrector_steps"`,
		"sampler=pc&corrector_steps=0":                `"parameter":"corrector_steps"`,
		"sampler=heun&s_churn=1&s_noise=0":            `"parameter":"s_noise"`,
		"sampler=pc&snr=0":                            `"parameter":"snr"`,
		"sampler=annealed-langevin&epsilon=0":         `"parameter":"epsilon"`,
		"rho=0":                                       `"parameter":"rho"`,
		"threshold=dynamic&percentile=0":              `"parameter":"percentile"`,
		"threshold=dynamic&threshold_max=0":           `"parameter":"threshold_max"`,
		"sigma_min=0":                                 `"parameter":"sigma_min"`,
		"sampler=rk45&rtol=0":                         `"parameter":"rtol"`,
		"threshold=":                                  `"parameter":"threshold"`,
		"first=2":                                     `"parameter":"first"`,
		"guidance=1&guidance_sigma_min=0.5":           `"parameter":"guidance_sigma_min"`,
	} {
		if w := h.get("/api/sample.png?" + query); w.Code != 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: status %d, %s, want %s", query, w.Code, w.Body, want)
		}
	}
}
