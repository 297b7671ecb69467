// @ts-check
/**
 * Who may read the answers of the program: scripts of the site's own pages and of the origins
 * that TWEEDIE_CORS lists, with commas between; * means all. For static files the site's
 * _headers say it: tweedie site --cors.
 */

/** @import { Env } from './host.js' */

/** Headers that scripts of other origins may read, besides those that they always may. */
const readable = 'Cache-Status, Content-Location, ETag, Retry-After, Server-Timing'

/**
 * The answer to a preflight, which asks before a request with headers of its own; null for
 * other requests.
 *
 * @param {Request} request
 * @param {Env} env
 * @returns {Response | null}
 */
export function preflight(request, env) {
  if (!env.TWEEDIE_CORS || request.method !== 'OPTIONS' || !request.headers.has('Access-Control-Request-Method')) return null
  const headers = { 'Access-Control-Allow-Methods': 'GET, HEAD', 'Access-Control-Allow-Headers': 'If-None-Match, Range', 'Access-Control-Max-Age': '86400' }
  return shared(request, env, new Response(null, { status: 204, headers }))
}

/**
 * An answer of this Worker, with the headers that let the page of a request read it.
 *
 * @param {Request} request
 * @param {Env} env
 * @param {Response} response
 * @returns {Response}
 */
export function shared(request, env, response) {
  if (!env.TWEEDIE_CORS) return response
  const origins = env.TWEEDIE_CORS.split(',').map((origin) => origin.trim())
  const from = request.headers.get('Origin') ?? ''
  const { headers } = response
  if (!origins.includes('*')) headers.append('Vary', 'Origin')
  const allowed = origins.includes('*') ? '*' : origins.includes(from) ? from : ''
  if (allowed) {
    headers.set('Access-Control-Allow-Origin', allowed)
    if (response.status !== 204) headers.set('Access-Control-Expose-Headers', readable)
  }
  return response
}
