// Package httpapi is the service behind a site's /api/ and /s/: net/http handlers that
// the Worker on Cloudflare and the native server have in common. What differs
// between the two, a Host hides: where files stand, who computes and what is kept.
//
//	GET /api/models             the catalogue
//	GET /api/models/NAME        one model: what requests may ask of it, its card, the limits
//	GET /api/sample.png?…       images as one PNG, their pixels those of the page
//	GET /api/stream?…           the same as server-sent events, with previews
//	GET /s/…                    the page with an experiment, and tags for its preview
//	GET /gallery                shared experiments as a page, their pictures leading to them
//	GET /api/gallery            the same as JSON, the newest first
//	POST /api/gallery           {"experiment": "…"} as in /s/: puts it there
//
// A site has a gallery only if its host is given one.
//
// An experiment is written as the page's address has it: model, class, n, seed,
// sampler, steps, guidance and eta; what is absent comes from the model. A picture
// has a scale besides, and v, the version of model and program that it is asked of.
// Every error is an application/problem+json of RFC 9457, which names the parameter.
// What the parts of an answer took, Server-Timing says.
package httpapi
