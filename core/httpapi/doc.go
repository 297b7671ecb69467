// Package httpapi is the HTTP API of a site: net/http handlers that the Worker on
// Cloudflare and the native server share. A Host hides what differs between the two:
// where files are, what computes and what is kept.
//
//	GET /api/models             the catalogue
//	GET /api/models/NAME        one model: what requests may ask of it, its card, the limits
//	GET /api/sample.png?…       images as one PNG, their pixels those of the page
//	GET /api/stream?…           the same as server-sent events, with previews
//	GET /s/…                    the page opened on an experiment, with tags for a preview
//	GET /gallery                shared experiments as a page
//	GET /api/gallery            the same as JSON, the newest first
//	POST /api/gallery           {"experiment": "…"} as in /s/: adds it
//	GET /api/openapi.json       the description of all this
//
// A site has a gallery only if its host has one.
//
// An experiment is written as in the page's address: model and the settings of
// engine.Request; the model decides what is not given. A picture also has a scale, and
// v, the version of model and program that it is of. Every error is an
// application/problem+json of RFC 9457. An error about a parameter names it. The header
// Server-Timing says how long the parts of an answer took.
package httpapi
