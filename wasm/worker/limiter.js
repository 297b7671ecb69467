// @ts-check

import { DurableObject } from 'cloudflare:workers'
import { clientOf } from './client.js'

/** @import { Env } from './host.js' */

/**
 * Limiter counts the requests of one client with a token bucket: it holds as many tokens
 * as a client has requests a minute, and fills evenly. It lives in memory alone: a bucket
 * that was dropped, because its client was idle, is full again.
 */
export class Limiter extends DurableObject {
  #tokens = Infinity
  #at = 0

  /**
   * Takes a token.
   *
   * @param {number} rate tokens a minute
   * @returns {number} seconds to wait for one; 0 where there was one
   */
  take(rate) {
    const now = Date.now()
    this.#tokens = Math.min(rate, this.#tokens + ((now - this.#at) / 60_000) * rate)
    this.#at = now
    if (this.#tokens < 1) return ((1 - this.#tokens) / rate) * 60
    this.#tokens--
    return 0
  }
}

/**
 * How long the client of a request has to wait before a request that counts.
 *
 * @param {Request} request
 * @param {Env} env
 * @returns {Promise<number>} seconds
 */
export async function waitOf(request, env) {
  const rate = Number(env.TWEEDIE_RATE ?? 0)
  if (!env.LIMITER || !(rate > 0)) return 0
  const client = clientOf(request.headers.get('CF-Connecting-IP') ?? '')
  return /** @type {any} */ (env.LIMITER.get(env.LIMITER.idFromName(client))).take(rate)
}
