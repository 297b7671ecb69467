// One run at a time, cancelled at once.

/** @import { StepInfo } from '../lib/tweedie.js' */

const paceStill = 1000 // ms between previews where motion is not wanted
const paceMoving = 40

/**
 * Runner holds the page's one run. A cancelled run is over for the page at
 * once; the model may take longer to stop, and the next run waits for that.
 */
export class Runner {
  /** @type {AbortController | undefined} */
  #current
  /** @type {Promise<unknown>} */
  #settled = Promise.resolve()

  get busy() {
    return this.#current !== undefined
  }

  /** @returns {boolean} whether there was a run to cancel */
  cancel() {
    const busy = this.busy
    this.#current?.abort()
    this.#current = undefined
    return busy
  }

  /**
   * run carries out one task, cancelling the one before it. A task that was
   * cancelled calls back no more, and gives undefined; its errors are dropped.
   *
   * @template T
   * @param {(calls: { signal: AbortSignal, onStep: (step: StepInfo) => void }) => Promise<T>} task
   * @param {(step: StepInfo) => void} onStep
   * @returns {Promise<T | undefined>}
   */
  async run(task, onStep) {
    this.cancel()
    const control = new AbortController()
    const { signal } = control
    this.#current = control
    const before = this.#settled
    const work = before.then(() => (signal.aborted ? undefined : task({ signal, onStep: (step) => signal.aborted || onStep(step) })))
    this.#settled = work.catch(() => {})
    const cancelled = new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined)))
    try {
      const result = await Promise.race([work, cancelled])
      return signal.aborted ? undefined : /** @type {T} */ (result)
    } catch (error) {
      if (signal.aborted) return undefined
      throw error
    } finally {
      if (this.#current === control) this.#current = undefined
    }
  }
}

/**
 * paced wraps the showing of previews so that it takes a small part of the time,
 * and is slow where the visitor asks for reduced motion.
 *
 * @param {(images: (ImageData | null)[]) => void} show
 * @returns {(step: StepInfo) => void}
 */
export function paced(show) {
  const pace = matchMedia('(prefers-reduced-motion: reduce)').matches ? paceStill : paceMoving
  let next = 0
  return (step) => {
    const began = performance.now()
    if (began < next) return
    show(step.preview())
    const took = performance.now() - began
    next = began + Math.max(pace, 4 * took)
  }
}
