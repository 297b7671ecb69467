package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"tweedie/core/engine"
	"tweedie/core/settings"
)

// experiment is what a query asks for, with the numbers of the model filled in.
type experiment struct {
	model *Model
	plan  engine.Plan
	scale int  // pixels of the sheet for one pixel of an image, along a side
	fixed bool // the request names the version of model and program: its answer never changes
}

// classified is the name of the weight of a classifier.
const classified = "classifier_guidance"

// guided reports whether an experiment asks for a classifier.
func guided(values url.Values) bool { return values.Has(classified) && values.Get(classified) != "0" }

// experiment returns what values ask for, of at most so many images.
func (s *Service) experiment(ctx context.Context, values url.Values, images int) (*experiment, error) {
	m, err := s.open(ctx, values.Get("model"), guided(values))
	if err != nil {
		return nil, err
	}
	return m.experiment(values, images)
}

// experiment returns what values ask for of the model, of at most so many images.
func (m *Model) experiment(values url.Values, images int) (*experiment, error) {
	var r engine.Request
	for _, v := range querySettings(&r, images) {
		if !values.Has(v.Name) {
			continue
		}
		if err := v.Set(values.Get(v.Name)); err != nil {
			return nil, badRequest(err)
		}
	}
	plan, err := m.Info.Check(r, false)
	if err != nil {
		return nil, badRequest(err)
	}
	return &experiment{model: m, plan: plan, scale: 1}, nil
}

// asked returns the experiment of a request for a picture.
func (s *Service) asked(r *http.Request) (*experiment, error) {
	values, err := parse(r.URL.RawQuery, "scale", "v")
	if err != nil {
		return nil, err
	}
	x, err := s.experiment(r.Context(), values, maxImages)
	if err != nil {
		return nil, err
	}
	if values.Has("scale") {
		width, height := x.sheet().size()
		scale := scaleSetting(min(maxScale, maxSide/max(width, height)))
		if err := (settings.Value{Setting: scale, To: &x.scale}).Set(values.Get("scale")); err != nil {
			return nil, badRequest(err)
		}
	}
	if v := values.Get("v"); values.Has("v") && v != x.model.Version {
		problem := refuse("v", v, "%s or left out: the site has another version of the model or of the program now", x.model.Version)
		problem.Status = http.StatusNotFound
		return nil, problem
	}
	x.fixed = values.Has("v")
	if err := checkLength(x.query()); err != nil { // or nobody could ask for its address
		return nil, err
	}
	return x, s.affordable(x)
}

// scaleSetting describes the scale of a sheet that allows so much.
func scaleSetting(most int) settings.Setting {
	return settings.Setting{Name: "scale", Kind: settings.Whole, Title: "Scale", Help: "Pixels of the PNG for one pixel of an image, along a side.", Default: "1", Min: 1, Max: float64(most)}
}

// affordable refuses an experiment that takes more work than one request may.
func (s *Service) affordable(x *experiment) error {
	return s.afford(float64(*x.plan.N) * x.model.Info.Work(x.plan))
}

// afford returns the problem of work, in additions and multiplications, over the limit.
func (s *Service) afford(work float64) error {
	found, most := work/1e9, float64(s.Limits.GFLOP)
	if found <= most {
		return nil
	}
	return &Problem{
		Status: http.StatusUnprocessableEntity, Limit: &Limit{LimitGFLOP, found, most},
		Detail: fmt.Sprintf("this takes %.4g·10⁹ additions and multiplications, and %s is %g: ask for fewer images or steps", found, LimitGFLOP, most),
	}
}

// errWork ends a run that turns out to take more work than it may: the evaluations of an
// adaptive sampler are known only then.
var errWork = errors.New("httpapi: the request takes more work than its limit")
