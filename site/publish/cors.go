package publish

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// AnyOrigin stands for every origin.
const AnyOrigin = "*"

// readable are the headers of answers that scripts of other origins may read, besides those
// that they always may.
const readable = "Cache-Status, Content-Location, Content-Range, ETag, Retry-After, Server-Timing"

// CheckOrigins returns an error unless each origin is AnyOrigin, or a scheme and a host such
// as https://example.org as browsers write them: in lower case, with a port only if it is not
// the scheme's own, and without a path.
func CheckOrigins(origins []string) error {
	for _, origin := range origins {
		if origin == AnyOrigin {
			continue
		}
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.Scheme+"://"+u.Host != origin || strings.ToLower(origin) != origin ||
			u.Port() == map[string]string{"http": "80", "https": "443"}[u.Scheme] || strings.HasSuffix(u.Host, ":") {
			return fmt.Errorf("an origin must be * or a scheme and a host such as https://example.org (got %q)", origin)
		}
	}
	return nil
}

// AllowOrigins answers with next, and lets scripts of pages of these origins read what GET and
// HEAD answer: the CORS protocol of the Fetch standard. Without origins it is next.
func AllowOrigins(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, from := w.Header(), r.Header.Get("Origin")
		switch {
		case slices.Contains(origins, AnyOrigin):
			h.Set("Access-Control-Allow-Origin", AnyOrigin)
		case slices.Contains(origins, from):
			h.Set("Access-Control-Allow-Origin", from)
			fallthrough
		default:
			h.Add("Vary", "Origin")
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "GET, HEAD")
			h.Set("Access-Control-Allow-Headers", "If-None-Match, Range")
			h.Set("Access-Control-Max-Age", "86400")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			h.Set("Access-Control-Expose-Headers", readable)
		}
		next.ServeHTTP(w, r)
	})
}
