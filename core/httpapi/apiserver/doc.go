// Package apiserver is a site with its API as one server: the handlers of core/httpapi,
// as in the Worker on Cloudflare, over the folder of a site, and what a server of its
// own needs besides: limits a client, turns at the processor, a log, metrics.
//
//	GET /healthz   200 while it serves
//	GET /metrics   Prometheus text
package apiserver
