// @ts-check
/**
 * The Worker's entry. The static site answers all but /api/, /s/ and /gallery, for which a Go
 * program is started: one for each request. This file and those that it imports hold what
 * outlives a request, such as pictures and weights, limit the rate of clients, and limit
 * how many programs run at a time, which share the memory of one isolate.
 */

import './wasm_exec.js'
import { createRuntimeContext, loadModule } from './runtime.mjs'
import { preflight, shared } from './cors.js'
import { compressed } from './encodings.js'
import { Host } from './host.js'
import { Slots } from './slot.js'
import { waitOf } from './limiter.js'
import { matching } from './pictures.js'
import { ranged } from './ranges.js'

export { Limiter } from './limiter.js'

/** @import { Env } from './host.js' */

/** Slots of programs that compute, and of others: their memory adds up. */
const computing = new Slots(1, 64)
const answering = new Slots(3, 256)

export default {
  /**
   * @param {Request} request
   * @param {Env} env
   * @param {ExecutionContext} ctx
   */
  async fetch(request, env, ctx) {
    try {
      if (request.method !== 'HEAD') return await route(request, env, ctx)
      const { status, headers, body } = await route(new Request(request, { method: 'GET' }), env, ctx)
      await body?.cancel()
      return new Response(null, { status, headers })
    } catch (error) {
      console.error(error)
      return shared(request, env, problem(500, error instanceof Error ? error.message : String(error)))
    }
  },
}

/** @type {(request: Request, env: Env, ctx: ExecutionContext) => Promise<Response>} */
async function route(request, env, ctx) {
  const { pathname } = new URL(request.url)
  if (!/^\/(api\/|s\/|gallery$)/.test(pathname)) return ranged(request, await env.ASSETS.fetch(request))
  return preflight(request, env) ?? shared(request, env, await answer(request, pathname, env, ctx))
}

/** @type {(request: Request, pathname: string, env: Env, ctx: ExecutionContext) => Promise<Response>} */
async function answer(request, pathname, env, ctx) {
  const computes = pathname === '/api/sample.png' || pathname === '/api/stream'
  if (computes) {
    const kept = request.method === 'GET' && (await matching(request, env, ctx))
    if (kept) return kept
  }
  if (computes || request.method === 'POST') {
    const wait = await waitOf(request, env)
    if (wait > 0) return problem(429, `rate limit exceeded: ${env.TWEEDIE_RATE} requests a minute; retry in ${Math.ceil(wait)} s`, wait)
  }
  const slots = computes ? computing : answering
  const came = Date.now()
  const ticket = await slots.enter()
  if (!ticket) return problem(503, 'too many requests are waiting: retry later', 10)
  const host = new Host(request, env, ctx, slots, ticket)
  try {
    return compressed(request, await run(request, env, ctx, host, `turn;dur=${Date.now() - came}`))
  } catch (error) {
    host.leave()
    throw error
  }
}

/**
 * Starts a program and lets it answer.
 *
 * @type {(request: Request, env: Env, ctx: ExecutionContext, host: Host, timing: string) => Promise<Response>}
 */
async function run(request, env, ctx, host, timing) {
  const began = Date.now()
  const go = new Go()
  /** @type {{ handleRequest?: (request: Request) => Promise<Response> }} */
  const binding = {}
  /** @type {() => void} */
  let ready = () => {}
  const started = new Promise((resolve) => { ready = () => resolve(undefined) })
  const instance = new WebAssembly.Instance(await loadModule(), { ...go.importObject, workers: { ready } })
  const ended = go.run(instance, { ...createRuntimeContext({ env, ctx, binding }), host })
    .then(() => {
      host.leave() // it may have crashed
      throw new Error('worker: the program ended before it answered')
    })
  await Promise.race([started, ended])
  timing += `, start;dur=${Date.now() - began}`
  const answered = await Promise.race([/** @type {any} */ (binding).handleRequest(request), ended])
  const response = new Response(answered.body && watched(answered.body, host), answered)
  const own = response.headers.get('Server-Timing')
  response.headers.set('Server-Timing', own ? `${timing}, ${own}` : timing)
  return response
}

/**
 * The body of an answer, whose reader may disconnect. The program's own stream must not be
 * cancelled, which would crash the program: it is notified, and the rest of its stream is
 * read to the end.
 *
 * @type {(body: ReadableStream, host: Host) => ReadableStream}
 */
function watched(body, host) {
  const reader = body.getReader()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    async cancel() {
      host.abandon()
      while (!(await reader.read()).done);
    },
  })
}

/**
 * The problem details of RFC 9457, as the program writes them.
 *
 * @type {(status: number, detail: string, wait?: number) => Response}
 */
function problem(status, detail, wait = 0) {
  const title = /** @type {Record<number, string>} */ ({ 429: 'Too Many Requests', 503: 'Service Unavailable' })[status] ?? 'Internal Server Error'
  const headers = new Headers({ 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' })
  if (wait > 0) headers.set('Retry-After', String(Math.ceil(wait)))
  return new Response(JSON.stringify({ title, status, detail }) + '\n', { status, headers })
}
