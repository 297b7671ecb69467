// The mask: which pixels are to be repainted, with its history. Knows no canvas.

const maxHistory = 200

/**
 * Mask holds one byte a pixel, rows first: 255 is repainted, 0 stays. A stroke
 * runs from begin to the next begin and is undone as one.
 */
export class Mask {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #undo = []
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #redo = []

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

  /** @returns {number} how many pixels are to be repainted */
  get count() {
    return this.data.reduce((sum, value) => sum + (value ? 1 : 0), 0)
  }

  /** begin puts the present state into the history, before a change. */
  begin() {
    this.#undo.push(this.data.slice())
    if (this.#undo.length > maxHistory) this.#undo.shift()
    this.#redo = []
  }

  /**
   * end drops the history entry of a begin that changed nothing.
   */
  end() {
    const before = this.#undo.at(-1)
    if (before?.every((value, i) => value === this.data[i])) this.#undo.pop()
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
  }

  /**
   * line sets every pixel that a round brush touches on its way from one point
   * to another, both in pixels of the image.
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
      for (const pixel of this.touched(x, y, size)) this.data[pixel] = value
    }
  }

  /**
   * touched lists the pixels under a round brush: those whose middle lies in it,
   * and always the one that holds its own.
   *
   * @param {number} x
   * @param {number} y
   * @param {number} size
   * @returns {number[]} indices into data
   */
  touched(x, y, size) {
    const pixels = []
    const reach = size / 2
    for (let row = Math.max(0, Math.floor(y - reach)); row <= Math.min(this.height - 1, y + reach); row++) {
      for (let column = Math.max(0, Math.floor(x - reach)); column <= Math.min(this.width - 1, x + reach); column++) {
        const inside = Math.hypot(column + 0.5 - x, row + 0.5 - y) <= reach
        const own = row === Math.floor(y) && column === Math.floor(x)
        if (inside || own) pixels.push(row * this.width + column)
      }
    }
    return pixels
  }
}
