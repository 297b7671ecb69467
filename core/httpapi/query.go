package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tweedie/core/engine"
	"tweedie/core/settings"
)

// querySettings are the settings of r that a query may hold: all but those of inpainting
// and the index of the first image. images is the most that the caller draws.
func querySettings(r *engine.Request, images int) []settings.Value {
	values := slices.DeleteFunc(r.Values(), func(v settings.Value) bool {
		return v.Group == settings.GroupInpaint || v.Name == "first"
	})
	for i := range values {
		if values[i].Name == "n" {
			values[i].Max = float64(images)
		}
	}
	return values
}

// Parameters describes the query of a picture: those of an experiment, and what belongs to
// the picture.
func Parameters() []settings.Setting {
	out := []settings.Setting{{Name: "model", Kind: settings.Text, Title: "Model", Help: "Name of the model.", Default: "the first of the site"}}
	for _, v := range querySettings(&engine.Request{}, maxImages) {
		out = append(out, v.Setting)
	}
	return append(out, scaleSetting(maxScale),
		settings.Setting{Name: "v", Kind: settings.Text, Title: "Version", Help: "Version of the model and the program that the picture is of; another one is not found.", Default: "any"})
}

// parse reads a query that may hold the parameters of an experiment, those of
// others, which are the caller's to read, and nothing else, each at most once.
func parse(query string, others ...string) (url.Values, error) {
	if err := checkLength(query); err != nil {
		return nil, err
	}
	known := append(append([]string{"model"}, others...), settings.Names(querySettings(&engine.Request{}, 0))...)
	values := url.Values{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, text, err := unescape(pair)
		switch {
		case err != nil:
			return nil, err
		case !slices.Contains(known, name):
			return nil, badRequest(settings.Unknown(name, known))
		case values.Has(name):
			return nil, refuse(name, text, "given once")
		}
		values.Set(name, text)
	}
	return values, nil
}

// unescape reads a name and its value.
func unescape(pair string) (name, text string, err error) {
	rawName, rawText, _ := strings.Cut(pair, "=")
	if strings.Contains(pair, ";") {
		return "", "", refuse(rawName, rawText, `separated from the next parameter by "&", not ";", or have its ";" written as %%3B`)
	}
	name, err = url.QueryUnescape(rawName)
	if err == nil {
		text, err = url.QueryUnescape(rawText)
	}
	if err != nil {
		return "", "", refuse(rawName, rawText, `escaped as in a URL: "%%" stands before two hexadecimal digits`)
	}
	return name, text, nil
}

// checkLength refuses a query that is too long. The parameter at fault is the longest.
func checkLength(query string) error {
	if len(query) <= maxQuery {
		return nil
	}
	longest := ""
	for pair := range strings.SplitSeq(query, "&") {
		if len(pair) > len(longest) {
			longest = pair
		}
	}
	name, _, _ := strings.Cut(longest, "=")
	problem := refuse(name, len(query), "shorter: the whole query may have %d bytes", maxQuery)
	problem.Status = http.StatusRequestURITooLong
	return problem
}
