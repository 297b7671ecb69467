// @ts-check

/** How long a request waits for a slot, in ms. */
const timeout = 60_000
/** How often it checks for one, in ms. */
const interval = 10
/** After how long without a sign of life a request counts as gone, in ms: one evaluation of 16 images takes far less. */
const lease = 10_000

/**
 * Slots limits how many programs run at a time. Requests of one isolate share its memory,
 * but a request cannot wait for the promise of another, which ends with its client. So each
 * checks again and again, and one that gives no sign of life loses its slot.
 */
export class Slots {
  /** @type {Map<object, number>} by ticket, the time of its last sign of life */
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

  /** @returns {Promise<object | null>} a ticket to leave with, or null where too many wait or it took too long */
  async enter() {
    const ticket = {}
    const began = Date.now()
    this.#forget(began)
    if (this.#waiting.size >= this.room) return null
    try {
      for (let now = began; now - began < timeout; now = Date.now()) {
        this.#forget(now)
        if (this.#running.size < this.size) {
          this.#running.set(ticket, now)
          return ticket
        }
        this.#waiting.set(ticket, now)
        await scheduler.wait(interval)
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
