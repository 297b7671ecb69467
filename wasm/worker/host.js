// @ts-check
/** The host of a Go program: wasm/worker/host.go calls it. */

import * as gallery from './gallery.js'
import { find, keep } from './pictures.js'
import { shard } from './shards.js'

/** @import { Entry } from './gallery.js' */
/** @import { Slots } from './slot.js' */
/** @import { ShardOf } from './shards.js' */

/**
 * @typedef {object} Env what wrangler.jsonc binds
 * @property {Fetcher} ASSETS the static site
 * @property {string} [TWEEDIE_MAX_GFLOP] 10⁹ additions and multiplications of a request
 * @property {string} [TWEEDIE_RATE] requests a minute from one client; 0 means no limit
 * @property {string} [TWEEDIE_CORS] origins whose pages may read answers, with commas between; * means all
 * @property {DurableObjectNamespace} [LIMITER] counts them; without it there is no limit
 * @property {R2Bucket} [PICTURES] keeps pictures for good; without it only the Cache API does
 * @property {KVNamespace} [GALLERY] keeps shared experiments; without it there is no gallery
 */

export class Host {
  /** Set by the program: ends its work for a client that has disconnected. @type {(() => void) | null} */
  gone = null

  /**
   * @param {Request} request
   * @param {Env} env
   * @param {ExecutionContext} ctx
   * @param {Slots} slots
   * @param {object} ticket of its slot
   */
  constructor(request, env, ctx, slots, ticket) {
    this.origin = new URL(request.url).origin
    this.env = env
    this.ctx = ctx
    this.slots = slots
    this.ticket = ticket
    request.signal.addEventListener('abort', () => this.abandon())
  }

  /** The client has disconnected. */
  abandon() {
    this.gone?.()
    this.leave()
  }

  /** The bound of a request's work, as configured. */
  get gflop() {
    return String(this.env.TWEEDIE_MAX_GFLOP ?? '')
  }

  /** The program is still working. */
  beat() {
    this.slots.beat(this.ticket)
  }

  /** The program has answered, or has ended. */
  leave() {
    this.slots.leave(this.ticket)
  }

  /**
   * Asks the static site for a file.
   *
   * @param {string} name
   */
  async file(name) {
    const response = await this.env.ASSETS.fetch(`${this.origin}/${name}`)
    const body = new Uint8Array(await response.arrayBuffer())
    return { status: response.status, headers: [...response.headers], body }
  }

  /** @param {ShardOf[]} list */
  shards(list) {
    return Promise.all(list.map((each) => shard(each, (name) => this.file(name))))
  }

  /** @param {string} address of a picture on the site */
  kept(address) {
    return find(this.origin + address, this.env, this.ctx)
  }

  /**
   * @param {string} address
   * @param {Uint8Array<ArrayBuffer>} picture
   * @param {Record<string, string>} headers
   */
  keep(address, picture, headers) {
    this.ctx.waitUntil(keep(this.origin + address, picture, headers, this.env))
  }

  get hasGallery() {
    return Boolean(this.env.GALLERY)
  }

  entries() {
    return gallery.entries(this.env)
  }

  /** @param {Entry} entry */
  put(entry) {
    return gallery.put(this.env, entry)
  }

  /** @param {Entry} entry */
  drop(entry) {
    return gallery.drop(this.env, entry)
  }
}
