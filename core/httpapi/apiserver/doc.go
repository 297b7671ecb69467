// Package apiserver serves a site and its API over HTTP. It runs the handlers of
// core/httpapi, as the Worker on Cloudflare does, on the folder of a site, and adds what a
// standalone server needs: rate limits per client, a queue for computation, a request log
// and metrics.
//
//	GET /healthz   200 while the server is running
//	GET /metrics   metrics in Prometheus text format
package apiserver
