package publish

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"tweedie/weights"
)

// forever is the Cache-Control of files that never change.
const forever = "public, max-age=31536000, immutable"

// policy is the Content-Security-Policy of every answer: the page reaches its
// own origin only, runs no inline script or style, and compiles wasm.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
	"connect-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// headers go with every answer. The first two isolate the page from other origins, so
// that browsers allow shared memory, which is faster; the page also works on hosts that
// cannot set them.
var headers = map[string]string{
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Embedder-Policy": "require-corp",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Content-Security-Policy":      policy,
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "no-referrer",
}

// setHeaders puts headers into h.
func setHeaders(h http.Header) {
	for name, value := range headers {
		h.Set(name, value)
	}
}

// headersFile returns the _headers file that Cloudflare Pages, Workers Static Assets and
// Netlify read. Their rules do not match queries, so only shards are cached for ever. Scripts
// of pages of origin, if that is not "", may read the files.
func headersFile(origin string) []byte {
	var b strings.Builder
	b.WriteString("/*\n")
	if origin != "" {
		fmt.Fprintf(&b, "  Access-Control-Allow-Origin: %s\n", origin)
	}
	names := make([]string, 0, len(headers))
	for name := range headers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "  %s: %s\n", name, headers[name])
	}
	fmt.Fprintf(&b, "/models/*%s\n  Cache-Control: %s\n", weights.ShardSuffix, forever)
	return []byte(b.String())
}
