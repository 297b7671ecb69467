package httpapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tweedie/core/engine"
)

// experiment is what a query asks for, every number filled in.
type experiment struct {
	model *Model
	plan  engine.Plan
	scale int // pixels of the sheet for one of an image, along a side
}

// classified is the weight of a classifier.
const classified = "classifier_guidance"

// guided reports whether an experiment asks for a classifier.
func guided(values url.Values) bool { return values.Has(classified) && values.Get(classified) != "0" }

// all deals out every class in turn, as in the page's address.
const all = "all"

// parameters of an experiment that are a request's, in the order in which they are
// tried: a later one may be unfit for an earlier one.
var parameters = []struct {
	name string
	set  func(r *engine.Request, text string) error
}{
	{classified, func(r *engine.Request, text string) error { // with it a model without classes has the classifier's
		return option{field: &r.Classifier}.set(text)
	}},
	{"class", func(r *engine.Request, text string) error {
		for name := range strings.SplitSeq(text, ",") {
			if text != all {
				r.Class = append(r.Class, engine.Class(name))
			}
		}
		return nil
	}},
	{"n", func(r *engine.Request, text string) error { return whole(&r.N, text) }},
	{"seed", func(r *engine.Request, text string) error {
		v, err := strconv.ParseUint(text, 10, 64)
		r.Seed = engine.Seed(v)
		return errorUnless(err == nil, "found %s, need a whole number in [0, 2⁶⁴)", clip(text))
	}},
	{"sampler", func(r *engine.Request, text string) error {
		r.Sampler = text
		return errorUnless(text != "", "found nothing, need the name of a sampler")
	}},
	{"steps", func(r *engine.Request, text string) error { return whole(&r.Steps, text) }},
	{"guidance", func(r *engine.Request, text string) error { return real(&r.Guidance, text) }},
	{"eta", func(r *engine.Request, text string) error { return real(&r.Eta, text) }},
}

// whole reads a number whose range the engine knows.
func whole(to **int, text string) error {
	v, err := strconv.ParseInt(text, 10, 32)
	n := int(v)
	*to = &n
	return errorUnless(err == nil, "found %s, need a whole number", clip(text))
}

func real(to **float64, text string) error {
	v, err := strconv.ParseFloat(text, 64)
	*to = &v
	return errorUnless(err == nil && !math.IsInf(v, 0) && !math.IsNaN(v), "found %s, need a number", clip(text))
}

func errorUnless(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// parse reads a query that may hold the parameters of an experiment, those of
// others, which are the caller's to read, and nothing else, each at most once.
func parse(query string, others ...string) (url.Values, error) {
	if err := short(query); err != nil {
		return nil, err
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, &Problem{Status: http.StatusBadRequest, Detail: "query: " + err.Error()}
	}
	known := append([]string{"model"}, others...)
	for _, p := range parameters {
		known = append(known, p.name)
	}
	for _, o := range options(&engine.Request{}) {
		known = append(known, o.name)
	}
	for _, name := range slices.Sorted(keys(values)) {
		if !slices.Contains(known, name) {
			return nil, &Problem{Status: http.StatusBadRequest, Parameter: name, Detail: "query: found " + clip(name) + ", need none but " + strings.Join(known, ", ")}
		}
		if n := len(values[name]); n > 1 {
			return nil, unfit(name, "found %d of it, need one", n)
		}
	}
	return values, nil
}

// short refuses a query that is too long.
func short(query string) error {
	if len(query) <= maxQuery {
		return nil
	}
	return &Problem{Status: http.StatusRequestURITooLong, Detail: fmt.Sprintf("query: found %d bytes, need at most %d", len(query), maxQuery)}
}

// keys yields the names of values.
func keys(values url.Values) func(func(string) bool) {
	return func(yield func(string) bool) {
		for name := range values {
			if !yield(name) {
				return
			}
		}
	}
}

// experiment returns what values ask for. A parameter is at fault if it is the first
// with which the model does not take the request any more.
func (s *Service) experiment(ctx context.Context, values url.Values) (*experiment, error) {
	m, err := s.open(ctx, values.Get("model"), guided(values))
	if err != nil {
		return nil, err
	}
	return m.experiment(values)
}

// experiment returns what values ask for of the model.
func (m *Model) experiment(values url.Values) (_ *experiment, err error) {
	x := &experiment{model: m, scale: 1}
	var r engine.Request
	if x.plan, err = m.Info.Check(r, false); err != nil {
		return nil, err
	}
	for _, p := range parameters {
		if err := x.try(&r, values, p.name, func(text string) error { return p.set(&r, text) }); err != nil {
			return nil, err
		}
	}
	for _, o := range options(&r) {
		if err := x.try(&r, values, o.name, o.set); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// try sets the parameter of a name, if it is given, and sees that the model takes the
// request with it.
func (x *experiment) try(r *engine.Request, values url.Values, name string, set func(text string) error) (err error) {
	if !values.Has(name) {
		return nil
	}
	if err := set(values.Get(name)); err != nil {
		return unfit(name, "%v", err)
	}
	if x.plan, err = x.model.Info.Check(*r, false); err != nil {
		return unfit(name, "%s", strings.TrimPrefix(strings.TrimPrefix(err.Error(), "engine: "), name+": "))
	}
	return nil
}

// asked returns the experiment of a request for a picture.
func (s *Service) asked(r *http.Request) (*experiment, error) {
	values, err := parse(r.URL.RawQuery, "scale", "v")
	if err != nil {
		return nil, err
	}
	x, err := s.experiment(r.Context(), values)
	if err != nil {
		return nil, err
	}
	if err := x.oneSheet(); err != nil {
		return nil, err
	}
	if values.Has("scale") {
		x.scale, err = strconv.Atoi(values.Get("scale"))
		width, height := x.sheet().size()
		if most := min(maxScale, maxSide/max(width, height)); err != nil || x.scale < 1 || x.scale > most {
			return nil, unfit("scale", "found %s, need a whole number in [1, %d]", clip(values.Get("scale")), most)
		}
	}
	if v := values.Get("v"); values.Has("v") && v != x.model.Version {
		return nil, &Problem{Status: http.StatusNotFound, Parameter: "v", Detail: "v: found " + clip(v) + ", need " + x.model.Version + ": the site has another version of the model or of the program now"}
	}
	if err := short(x.query()); err != nil { // or nobody could ask for its address
		return nil, err
	}
	return x, s.affordable(x)
}

// oneSheet refuses more images than the service draws at once.
func (x *experiment) oneSheet() error {
	if n := *x.plan.N; n > maxImages {
		return unfit("n", "found %d, need at most %d, a sheet of 4×4", n, maxImages)
	}
	return nil
}

// affordable refuses what takes more work than the service gives to one request.
func (s *Service) affordable(x *experiment) error {
	return s.afford(float64(*x.plan.N) * x.model.Info.Work(x.plan))
}

// afford returns the problem of work over the limit, in additions and multiplications.
func (s *Service) afford(work float64) error {
	found, most := work/1e9, float64(s.Limits.GFLOP)
	if found <= most {
		return nil
	}
	return &Problem{
		Status: http.StatusUnprocessableEntity, Limit: &Limit{LimitGFLOP, found, most},
		Detail: fmt.Sprintf("this takes %.4g·10⁹ additions and multiplications, evaluations × those of the network, and %s is %g: ask for fewer images or steps", found, LimitGFLOP, most),
	}
}

// query is the experiment's picture in its one canonical form: every parameter, by name.
func (x *experiment) query() string {
	values := x.values()
	values.Set("scale", strconv.Itoa(x.scale))
	values.Set("v", x.model.Version)
	return values.Encode()
}

// values are all the parameters of the experiment itself.
func (x *experiment) values() url.Values {
	p := &x.plan
	values := url.Values{
		"model":    {x.model.Name},
		"n":        {strconv.Itoa(*p.N)},
		"sampler":  {p.Sampler},
		"steps":    {strconv.Itoa(*p.Steps)},
		"guidance": {strconv.FormatFloat(*p.Guidance, 'g', -1, 64)},
		"seed":     {strconv.FormatUint(uint64(p.Seed), 10)},
	}
	if len(p.Names(x.model.Info)) > 0 {
		values.Set("class", x.classes())
	}
	if p.Classifier != 0 {
		values.Set(classified, strconv.FormatFloat(p.Classifier, 'g', -1, 64))
	}
	if *p.Eta != 0 {
		values.Set("eta", strconv.FormatFloat(*p.Eta, 'g', -1, 64))
	}
	addOptions(values, &p.Request)
	return values
}

// classes names the classes of the experiment, numbers by their names.
func (x *experiment) classes() string {
	if len(x.plan.Class) == 0 {
		return all
	}
	names := x.plan.Names(x.model.Info)
	out := make([]string, len(x.plan.Class))
	for i, class := range x.plan.Class {
		out[i] = string(class)
		if number, err := strconv.Atoi(out[i]); err == nil && !slices.Contains(names, out[i]) {
			out[i] = names[number] // Check has seen that it is there
		}
	}
	return strings.Join(out, ",")
}

// address is where the experiment's picture is on the site.
func (x *experiment) address() string { return "/api/sample.png?" + x.query() }

// errWork ends a run that turns out to take more work than it may: how often an
// adaptive sampler evaluates the network shows only then.
var errWork = errors.New("httpapi: the work of the request is over its limit")
