// Package workerd runs the Worker locally, in the runtime that Cloudflare uses (workerd, from
// npm), without an account and without a network. The settings are those of wrangler.jsonc.
// Handlers of this program emulate the rest of the platform: static assets, the cache, R2 and
// KV.
package workerd
