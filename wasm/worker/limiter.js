// @ts-check

import { DurableObject } from 'cloudflare:workers'

/** @import { Env } from './host.js' */

/**
 * Limiter counts the requests of one client: a bucket of as many tokens as a minute
 * has, which fills again evenly. It lives in memory alone: one that was forgotten, for
 * it was not asked for long, is full.
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
 * How long the client of a request has to wait before it may compute, or share.
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

/** @type {(address: string) => string} of IPv6 the network, of which one client has all addresses */
const clientOf = (address) => (address.includes(':') ? address.split('::')[0].split(':').slice(0, 4).join(':') : address)
