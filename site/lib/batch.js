// @ts-check
/**
 * The images of one call while workers compute parts of them.
 *
 * @import { SampleOptions } from './tweedie.js'
 */

import { toImages } from './pixels.js'

/** The pixels and the progress of a batch. */
export class Batch {
  #onStep
  #shape
  #size
  /** Sum over images of the share of their steps that is done. */
  #done = 0
  /** @type {boolean[]} which images have pixels */
  #begun
  /** @type {Map<number, () => void>} by the first image of a part: asks its worker for pixels */
  #requests = new Map()

  /** @param {number} n @param {[number, number, number]} shape @param {SampleOptions['onStep']} onStep */
  constructor(n, shape, onStep) {
    this.#onStep = onStep
    this.#shape = shape
    this.#size = shape.reduce((a, b) => a * b)
    this.#begun = new Array(n).fill(false)
    this.pixels = new Uint8Array(n * this.#size)
  }

  /** @param {number} start @param {Uint8Array} pixels of the images from start on */
  fill(start, pixels) {
    this.pixels.set(pixels, start * this.#size)
    this.#begun.fill(true, start, start + pixels.length / this.#size)
    this.#requests.delete(start)
  }

  /**
   * Returns the listener for the steps of one part.
   * @param {number} start @param {number} end
   * @param {(error: unknown) => void} fail called with what onStep throws
   * @returns {import('./pool.js').OnStep | undefined}
   */
  listener(start, end, fail) {
    const onStep = this.#onStep
    if (!onStep) return undefined
    let before = 0
    return ({ step, steps, pixels }, requestPixels) => {
      if (pixels) {
        this.fill(start, pixels)
        this.#requests.set(start, requestPixels)
      }
      this.#done += (end - start) * (step / steps - before)
      before = step / steps
      const progress = Math.min(1, this.#done / this.#begun.length)
      try {
        onStep({ step: Math.floor(progress * steps + 1e-6), steps, progress, preview: () => this.#preview() })
      } catch (error) {
        fail(error)
      }
    }
  }

  /** @returns {ImageData[]} */
  #preview() {
    for (const request of this.#requests.values()) request()
    this.#requests.clear()
    const [, height, width] = this.#shape
    return toImages(this.pixels, this.#shape).map((image, i) => (this.#begun[i] ? image : new ImageData(width, height)))
  }
}
