// One run at a time, which can be cancelled at once.

/** @import { StepInfo } from '../lib/tweedie.js' */

const previewInterval = 40 // ms
const reducedMotionInterval = 1000 // ms, where the visitor asks for reduced motion

/**
 * Runner holds the page's only run. A cancelled run ends for the page at once; the model may
 * take longer to stop, and the next run waits for it.
 */
export class Runner {
  /** @type {AbortController | undefined} */
  #current
  /** @type {Promise<unknown>} */
  #settled = Promise.resolve()

  get busy() {
    return this.#current !== undefined
  }

  /** @returns {boolean} whether a run was cancelled */
  cancel() {
    const busy = this.busy
    this.#current?.abort()
    this.#current = undefined
    return busy
  }

  /**
   * run runs a task and cancels the one before it. A cancelled task makes no more calls
   * and returns undefined; its errors are dropped.
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
 * throttled shows previews at intervals, so that drawing takes a small part of the time.
 *
 * @param {(images: (ImageData | null)[]) => void} show
 * @returns {(step: StepInfo) => void}
 */
export function throttled(show) {
  const interval = matchMedia('(prefers-reduced-motion: reduce)').matches ? reducedMotionInterval : previewInterval
  let next = 0
  return (step) => {
    const began = performance.now()
    if (began < next) return
    show(step.preview())
    const took = performance.now() - began
    next = began + Math.max(interval, 4 * took)
  }
}
