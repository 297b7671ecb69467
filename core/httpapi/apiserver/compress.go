package apiserver

import (
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"

	"tweedie/site/publish"
)

// compressed answers with next, whose text is sent as gzip to clients that accept it.
// Pictures are compressed already, and streams are sent as they come.
func compressed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &compressor{ResponseWriter: w, accepted: publish.Encoding(r.Header.Values("Accept-Encoding"), "gzip") != ""}
		next.ServeHTTP(c, r)
		if c.to != nil {
			c.to.Close() // an error means that the client is gone
		}
	})
}

// compressor compresses an answer if its type and its client allow it.
type compressor struct {
	http.ResponseWriter
	accepted bool
	started  bool
	to       *gzip.Writer // nil if the answer is not compressed
}

// texts are the media types of answers that are compressed.
var texts = []string{"application/json", "application/problem+json", "text/html"}

func (c *compressor) WriteHeader(status int) {
	h := c.Header()
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	if !c.started && slices.Contains(texts, kind) && h.Get("Content-Encoding") == "" {
		if !strings.Contains(strings.Join(h.Values("Vary"), ","), "Accept-Encoding") {
			h.Add("Vary", "Accept-Encoding")
		}
		if c.accepted {
			// The bytes differ from those of the plain answer, the content does not: a weak tag.
			if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
				h.Set("ETag", "W/"+tag)
			}
			if status != http.StatusNotModified && status != http.StatusNoContent {
				h.Set("Content-Encoding", "gzip")
				h.Del("Content-Length")
				c.to = gzip.NewWriter(c.ResponseWriter)
			}
		}
	}
	c.started = true
	c.ResponseWriter.WriteHeader(status)
}

func (c *compressor) Write(p []byte) (int, error) {
	if !c.started {
		c.WriteHeader(http.StatusOK)
	}
	if c.to != nil {
		return c.to.Write(p)
	}
	return c.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection. Answers that are flushed,
// streams, are not compressed.
func (c *compressor) Unwrap() http.ResponseWriter { return c.ResponseWriter }
