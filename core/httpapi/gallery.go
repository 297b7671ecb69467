package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tweedie/core/minijson"
)

// Gallery keeps shared experiments: a few entries, one for each experiment. Calls are
// independent of each other: they may come from servers that do not see each other's
// changes yet.
type Gallery interface {
	// Entries returns all entries, in any order.
	Entries(ctx context.Context) ([]Shared, error)
	// Put adds an entry, or replaces the one of the same experiment.
	Put(ctx context.Context, entry Shared) error
	// Drop removes an entry, if it exists.
	Drop(ctx context.Context, entry Shared) error
}

// Shared is an entry of a gallery.
type Shared struct {
	Experiment string `json:"experiment"` // in its canonical form, with the name of the model
	Date       string `json:"date"`       // when it was added first, in the form of dateForm
}

// dateForm is RFC 3339 in UTC with a fixed width, so that dates sort as texts.
const dateForm = "2006-01-02T15:04:05.000Z"

// galleryEntry is an entry as a list shows it.
type galleryEntry struct {
	Shared
	Page    string      `json:"page"`    // address of the page with the experiment
	Picture string      `json:"picture"` // address of its picture, by the current model and program
	of      *experiment // the experiment
}

// show returns the entry of an experiment as a list shows it.
func show(entry Shared, x *experiment) galleryEntry {
	x.enlarge()
	return galleryEntry{entry, "/s/" + entry.Experiment, x.address(), x}
}

// list answers with the newest entries.
func (s *Service) list(w http.ResponseWriter, r *http.Request) error {
	list, err := s.entriesShown(r.Context(), maxListed)
	if err != nil {
		return err
	}
	return sendJSON(w, r, struct {
		Experiments []galleryEntry `json:"experiments"`
	}{list})
}

// share adds the experiment of a request to the gallery: 201 with its entry, or 200 where
// it is there already. The oldest entries are dropped where there are too many.
func (s *Service) share(w http.ResponseWriter, r *http.Request) error {
	entries, err := s.newest(r.Context())
	if err != nil {
		return err
	}
	text, err := posted(w, r)
	if err != nil {
		return err
	}
	x, err := s.shareable(r.Context(), text)
	if err != nil {
		return err
	}
	entry, status := Shared{x.values().Encode(), time.Now().UTC().Format(dateForm)}, http.StatusCreated
	if len(entry.Experiment) > maxEntry {
		return refuse("experiment", entry.Experiment, "at most %d bytes in its canonical form", maxEntry)
	}
	if i := slices.IndexFunc(entries, func(e Shared) bool { return e.Experiment == entry.Experiment }); i >= 0 {
		entry, status = entries[i], http.StatusOK
	} else if err := s.add(r.Context(), entry, entries); err != nil {
		return err
	}
	body, err := minijson.Marshal(show(entry, x))
	if err != nil {
		return fmt.Errorf("httpapi: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
	return nil
}

// add puts a new entry into the gallery, and drops the oldest others beyond the limit.
func (s *Service) add(ctx context.Context, entry Shared, others []Shared) error {
	if err := s.Gallery.Put(ctx, entry); err != nil {
		return fmt.Errorf("httpapi: gallery: %w", err)
	}
	for _, old := range others[min(len(others), maxShared-1):] {
		if err := s.Gallery.Drop(ctx, old); err != nil {
			return fmt.Errorf("httpapi: gallery: %w", err)
		}
	}
	return nil
}

// posted reads the experiment in the body of a request. Its type must be JSON, so that a
// form on another site cannot send one in a visitor's name.
func posted(w http.ResponseWriter, r *http.Request) (string, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return "", &Problem{Status: http.StatusUnsupportedMediaType, Detail: "the type of the body must be application/json (got " + clip(r.Header.Get("Content-Type")) + ")"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxQuery))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return "", &Problem{Status: http.StatusRequestEntityTooLarge, Parameter: "experiment", Detail: fmt.Sprintf("the body must have at most %d bytes", maxQuery)}
	}
	var asked struct {
		Experiment string `json:"experiment"`
	}
	if err == nil {
		err = minijson.UnmarshalStrict(body, &asked)
	}
	if err != nil {
		return "", &Problem{Status: http.StatusBadRequest, Parameter: "experiment", Detail: `the body must be {"experiment": "class=3&seed=7"}: ` + err.Error()}
	}
	return asked.Experiment, nil
}

// shareable returns the experiment of a text as in /s/, if the service draws its picture.
func (s *Service) shareable(ctx context.Context, text string) (*experiment, error) {
	values, err := parse(text, pages...)
	if err != nil {
		return nil, err
	}
	if values.Get("mode") == "inpaint" {
		return nil, refuse("mode", "inpaint", "left out: an inpainted picture cannot be shared")
	}
	x, err := s.experiment(ctx, values, maxImages)
	if err != nil {
		return nil, err
	}
	return x, s.affordable(x)
}

// newest returns all entries, the newest first.
func (s *Service) newest(ctx context.Context) ([]Shared, error) {
	if s.Gallery == nil {
		return nil, &Problem{Status: http.StatusNotFound, Detail: "the site has no gallery"}
	}
	entries, err := s.Gallery.Entries(ctx)
	if err != nil {
		return nil, fmt.Errorf("httpapi: gallery: %w", err)
	}
	slices.SortFunc(entries, func(a, b Shared) int {
		return cmp.Or(strings.Compare(b.Date, a.Date), strings.Compare(a.Experiment, b.Experiment))
	})
	return entries, nil
}

// entriesShown returns the newest entries, at most so many. Entries that the site cannot
// draw any more, because their model is gone for example, are left out.
func (s *Service) entriesShown(ctx context.Context, most int) ([]galleryEntry, error) {
	entries, err := s.newest(ctx)
	if err != nil {
		return nil, err
	}
	list, models := []galleryEntry{}, map[string]*Model{}
	for _, entry := range entries {
		values, err := parse(entry.Experiment)
		if err != nil {
			continue
		}
		name := values.Get("model")
		key := name + " " + strconv.FormatBool(guided(values))
		m, known := models[key]
		if !known {
			if m, err = s.open(ctx, name, guided(values)); err != nil && !isProblem(err) {
				return nil, err
			}
			models[key] = m // nil for one that is not there
		}
		if m == nil {
			continue
		}
		if x, err := m.experiment(values, maxImages); err == nil && s.affordable(x) == nil {
			list = append(list, show(entry, x))
		}
		if len(list) == most {
			break
		}
	}
	return list, nil
}

func isProblem(err error) bool {
	_, ok := errors.AsType[*Problem](err)
	return ok
}
