// @ts-check
/**
 * Memory that the workers of a team share: two words by which they meet, then the
 * bytes that they exchange. The page, which must not wait, only makes it and
 * breaks the team up.
 */

/** Rounds that have been met, times two, and GONE. */
const ROUND = 0
/** The bit that says that a member is gone. */
const GONE = 1
/** Members that have come to this round. */
const HERE = 1
/** Where the bytes begin. */
const BYTES = 64
/** Looks at the round before a member goes to sleep: some 5 ms. Who is woken comes late, and makes the others sleep. */
const LOOKS = 500_000

/** Whether this page may share memory. WebKitGTK is isolated and has none. */
export const shares = globalThis.crossOriginIsolated === true && typeof SharedArrayBuffer === 'function'

/** @param {number} traffic the most bytes of one exchange */
export function makeMemory(traffic) {
  return new SharedArrayBuffer(BYTES + 2 * traffic)
}

/** @param {SharedArrayBuffer} memory */
export function bytesOf(memory) {
  return new Uint8Array(memory, BYTES)
}

/**
 * Waits until all members have called it.
 * @param {SharedArrayBuffer} memory
 * @param {number} size of the team
 * @returns {() => boolean} false if a member is gone
 */
export function meeting(memory, size) {
  const words = new Int32Array(memory, 0, 2)
  return () => {
    const round = Atomics.load(words, ROUND)
    if (round & GONE) return false // it never changes again
    if (Atomics.add(words, HERE, 1) === size - 1) {
      Atomics.store(words, HERE, 0)
      Atomics.add(words, ROUND, 2)
      Atomics.notify(words, ROUND)
    } else {
      let looks = LOOKS
      while (Atomics.load(words, ROUND) === round) if (--looks < 0) Atomics.wait(words, ROUND, round)
    }
    return (Atomics.load(words, ROUND) & GONE) === 0
  }
}

/**
 * Ends every wait of a team of which a member is gone, now and later.
 * @param {SharedArrayBuffer} memory
 */
export function disband(memory) {
  const words = new Int32Array(memory, 0, 2)
  Atomics.or(words, ROUND, GONE)
  Atomics.notify(words, ROUND)
}
