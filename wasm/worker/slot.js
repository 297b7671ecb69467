// @ts-check

/** How long a request waits for its turn, in ms. */
const patience = 60_000
/** How often it looks whether it has come. */
const look = 10
/** After how long a program that gives no sign is taken for gone: one evaluation of 16 images is far below. */
const lease = 10_000

/**
 * Lane lets few programs run at a time. Requests of one isolate share its memory, but
 * nothing else: a request cannot wait for another's promise, which dies with its
 * client, so each looks again and again, and one that gives no sign is forgotten.
 */
export class Lane {
  /** @type {Map<object, number>} by ticket, when it last gave a sign */
  #running = new Map()
  /** @type {Map<object, number>} */
  #waiting = new Map()

  /**
   * @param {number} size programs at a time
   * @param {number} room requests that may wait
   */
  constructor(size, room) {
    this.size = size
    this.room = room
  }

  /** @returns {Promise<object | null>} a ticket to leave with, or null where there is no hope */
  async enter() {
    const ticket = {}
    const began = Date.now()
    this.#forget(began)
    if (this.#waiting.size >= this.room) return null
    try {
      for (let now = began; now - began < patience; now = Date.now()) {
        this.#forget(now)
        if (this.#running.size < this.size) {
          this.#running.set(ticket, now)
          return ticket
        }
        this.#waiting.set(ticket, now)
        await scheduler.wait(look)
      }
      return null
    } finally {
      this.#waiting.delete(ticket)
    }
  }

  /** @param {object} ticket */
  beat(ticket) {
    if (this.#running.has(ticket)) this.#running.set(ticket, Date.now())
  }

  /** @param {object} ticket that may have left already */
  leave(ticket) {
    this.#running.delete(ticket)
  }

  /** @param {number} now */
  #forget(now) {
    for (const tickets of [this.#running, this.#waiting]) {
      for (const [ticket, sign] of tickets) {
        if (now - sign > lease) tickets.delete(ticket)
      }
    }
  }
}
