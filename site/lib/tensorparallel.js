// @ts-check
/**
 * The memory that tensor-parallel workers share: two words for their barrier, then the
 * bytes that they exchange. The page, which must not block, only makes the memory and
 * breaks the barrier.
 */

/** Word 0: twice the number of barriers passed, plus the bit BROKEN. */
const ROUND = 0
/** Set when a worker is gone. */
const BROKEN = 1
/** Word 1: workers that have reached the present barrier. */
const ARRIVED = 1
/** Offset of the exchanged bytes. */
const BYTES = 64
/** Spins before a worker sleeps, about 5 ms. A worker that sleeps wakes late and delays the others. */
const SPINS = 500_000

/** Whether this page can share memory. WebKitGTK can be isolated without SharedArrayBuffer. */
export const canShareMemory = globalThis.crossOriginIsolated === true && typeof SharedArrayBuffer === 'function'

/** @param {number} exchange the most bytes of one exchange */
export function makeMemory(exchange) {
  return new SharedArrayBuffer(BYTES + 2 * exchange)
}

/** @param {SharedArrayBuffer} memory */
export function bytesOf(memory) {
  return new Uint8Array(memory, BYTES)
}

/**
 * Returns a function that waits until all workers have called theirs.
 * @param {SharedArrayBuffer} memory
 * @param {number} size number of workers
 * @returns {() => boolean} false if a worker is gone
 */
export function barrier(memory, size) {
  const words = new Int32Array(memory, 0, 2)
  return () => {
    const round = Atomics.load(words, ROUND)
    if (round & BROKEN) return false // it never changes again
    if (Atomics.add(words, ARRIVED, 1) === size - 1) {
      Atomics.store(words, ARRIVED, 0)
      Atomics.add(words, ROUND, 2)
      Atomics.notify(words, ROUND)
    } else {
      let spins = SPINS
      while (Atomics.load(words, ROUND) === round) if (--spins < 0) Atomics.wait(words, ROUND, round)
    }
    return (Atomics.load(words, ROUND) & BROKEN) === 0
  }
}

/**
 * Makes every present and later wait at the barrier return false.
 * @param {SharedArrayBuffer} memory
 */
export function breakBarrier(memory) {
  const words = new Int32Array(memory, 0, 2)
  Atomics.or(words, ROUND, BROKEN)
  Atomics.notify(words, ROUND)
}
