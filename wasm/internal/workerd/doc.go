// Package workerd runs the Worker on this machine, in the runtime that Cloudflare
// runs it in (workerd, from npm), without an account and without a network. The
// settings are those of wrangler.jsonc; what the platform has besides the runtime, as
// static assets, the cache, R2 and KV, is played by handlers of this program.
package workerd
