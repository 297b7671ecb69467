package httpapi

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tweedie/core/engine"
	"tweedie/core/settings"
)

// query is the canonical query of the experiment's picture: the parameters that determine
// it, sorted by name. Equal requests have the same.
func (x *experiment) query() string {
	values := x.values()
	values.Set("scale", strconv.Itoa(x.scale))
	values.Set("v", x.model.Version)
	return values.Encode()
}

// values are the parameters of the experiment itself: the model's numbers of images, steps,
// and so on, and the settings that change something.
func (x *experiment) values() url.Values {
	p := &x.plan
	values := url.Values{"model": {x.model.Name}}
	for _, v := range querySettings(&p.Request, engine.MaxN) {
		if v.Given() {
			values.Set(v.Name, v.String())
		}
	}
	if *p.Eta == 0 {
		values.Del("eta")
	}
	values.Del("class")
	if len(p.Names(x.model.Info)) > 0 {
		values.Set("class", x.classes())
	}
	for _, s := range x.model.Info.Settings {
		if values.Has(s.Name) && !slices.Contains(filled, s.Name) && x.needless(values, s) {
			values.Del(s.Name)
		}
	}
	return values
}

// filled are the settings that every address has.
var filled = []string{"n", "seed", "class", "sampler", "steps", "guidance"}

// needless reports whether a setting of values is what holds without it.
func (x *experiment) needless(values url.Values, s settings.Setting) bool {
	rest := url.Values{}
	for name := range values {
		if name != s.Name {
			rest.Set(name, values.Get(name))
		}
	}
	without, err := x.model.experiment(rest, engine.MaxN)
	if err != nil {
		return false
	}
	if s.Group == settings.GroupLevels {
		return slices.Equal(without.plan.Sigmas(), x.plan.Sigmas())
	}
	holds := s.Default
	for _, v := range querySettings(&without.plan.Request, engine.MaxN) {
		if v.Name == s.Name && v.Given() { // by the model
			holds = v.String()
		}
	}
	return holds == values.Get(s.Name)
}

// classes names the classes that the experiment deals out over its images, numbers by their
// names: the shortest list that deals out the same, or "all".
func (x *experiment) classes() string {
	names := x.plan.Names(x.model.Info)
	list := names
	if len(x.plan.Class) > 0 {
		list = make([]string, len(x.plan.Class))
	}
	for i, class := range x.plan.Class {
		list[i] = string(class)
		if number, err := strconv.Atoi(list[i]); err == nil && !slices.Contains(names, list[i]) {
			list[i] = names[number] // Check has seen that it is there
		}
	}
	dealt := make([]string, min(*x.plan.N, 2*len(list))) // whatever repeats in two rounds repeats for ever
	all := len(dealt) > 1
	for i := range dealt {
		dealt[i] = list[i%len(list)]
		all = all && dealt[i] == names[i%len(names)]
	}
	if all {
		return engine.ClassAll
	}
	period := 1
	for ; period < len(dealt); period++ {
		if slices.Equal(dealt[period:], dealt[:len(dealt)-period]) {
			break
		}
	}
	return strings.Join(dealt[:period], ",")
}

// address is where the experiment's picture is on the site.
func (x *experiment) address() string { return "/api/sample.png?" + x.query() }
