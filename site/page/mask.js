// The mask: which pixels are repainted, with undo and redo. It knows nothing of a canvas.

const maxHistory = 200

/**
 * Mask holds one byte per pixel, row by row: 255 is repainted, 0 is kept. The changes
 * between begin and end are one step of the history; if nothing has changed, there is no
 * step.
 */
export class Mask {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #undo = []
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #redo = []
  /** @type {Uint8Array<ArrayBuffer> | undefined} the data at begin */
  #before

  /**
   * @param {number} width
   * @param {number} height
   */
  constructor(width, height) {
    this.width = width
    this.height = height
    this.data = new Uint8Array(width * height)
  }

  get canUndo() {
    return this.#undo.length > 0
  }

  get canRedo() {
    return this.#redo.length > 0
  }

  /** @returns {number} how many pixels are repainted */
  get count() {
    return this.data.reduce((sum, value) => sum + (value ? 1 : 0), 0)
  }

  /** begin starts a step of the history. */
  begin() {
    this.#before = this.data.slice()
  }

  /** end records the step, and drops what could be redone, if it has changed the mask. */
  end() {
    const before = this.#before
    this.#before = undefined
    if (!before || before.every((value, i) => value === this.data[i])) return
    this.#undo.push(before)
    if (this.#undo.length > maxHistory) this.#undo.shift()
    this.#redo = []
  }

  undo() {
    const before = this.#undo.pop()
    if (!before) return
    this.#redo.push(this.data)
    this.data = before
  }

  redo() {
    const after = this.#redo.pop()
    if (!after) return
    this.#undo.push(this.data)
    this.data = after
  }

  clear() {
    this.begin()
    this.data.fill(0)
    this.end()
  }

  invert() {
    this.begin()
    this.data = this.data.map((value) => 255 - value)
    this.end()
  }

  /**
   * line sets every pixel that a round brush covers on its way from one point to another,
   * both in pixels of the image.
   *
   * @param {{ x: number, y: number }} from
   * @param {{ x: number, y: number }} to
   * @param {number} size diameter of the brush
   * @param {number} value 255 or 0
   */
  line(from, to, size, value) {
    const length = Math.hypot(to.x - from.x, to.y - from.y)
    const dabs = Math.max(1, Math.ceil(2 * length))
    for (let i = 0; i <= dabs; i++) {
      const x = from.x + ((to.x - from.x) * i) / dabs
      const y = from.y + ((to.y - from.y) * i) / dabs
      for (const pixel of this.covered(x, y, size)) this.data[pixel] = value
    }
  }

  /**
   * covered lists the pixels under a round brush: those whose centre is inside it, and
   * always the pixel that contains the brush's centre.
   *
   * @param {number} x
   * @param {number} y
   * @param {number} size
   * @returns {number[]} indices into data, ascending
   */
  covered(x, y, size) {
    const pixels = []
    const radius = size / 2
    for (let row = Math.max(0, Math.floor(y - radius)); row <= Math.min(this.height - 1, y + radius); row++) {
      for (let column = Math.max(0, Math.floor(x - radius)); column <= Math.min(this.width - 1, x + radius); column++) {
        const inside = Math.hypot(column + 0.5 - x, row + 0.5 - y) <= radius
        const centre = row === Math.floor(y) && column === Math.floor(x)
        if (inside || centre) pixels.push(row * this.width + column)
      }
    }
    return pixels
  }
}
