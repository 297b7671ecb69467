// A sheet of images: one tile each, sized so that a pixel of the model is a
// whole number of the screen's, with its actions reachable by mouse, touch and keys.

import { element, icon, make } from './dom.js'

/** @typedef {{ edit: (i: number) => void, weigh: (i: number) => void, save: (i: number) => void }} Actions */

const gap = 2 // of stage.css

export class Gallery {
  /** @type {HTMLElement[]} */
  #tiles = []
  columns = 1
  #current = 0

  /**
   * @param {HTMLElement} root a list; emptied by reset
   * @param {Actions} actions
   * @param {number} [row] images in a row where there is room; else a square is made
   */
  constructor(root, actions, row = 0) {
    this.root = root
    this.actions = actions
    this.row = row
    this.width = this.height = 1
    this.hold = 0
    root.addEventListener('keydown', (event) => this.#move(event))
    root.addEventListener('focusin', (event) => this.#follow(event))
    root.addEventListener('click', (event) => this.#pick(event))
    new ResizeObserver(() => this.#lay()).observe(/** @type {HTMLElement} */ (root.parentElement))
    addEventListener('resize', () => this.#lay())
  }

  /**
   * reset makes a sheet of noise, one tile a label.
   *
   * @param {number[]} shape [C,H,W] of the images
   * @param {string[]} labels what a screen reader calls each
   * @param {{ captions?: string[], hold?: number, lead?: number }} [options] hold:
   *   leave the first tiles and what they show as they are; lead: the first tile
   *   that will have actions
   */
  reset([, height, width], labels, { captions, hold = 0, lead = 0 } = {}) {
    const kept = this.#tiles.slice(0, hold)
    Object.assign(this, { width, height, hold })
    this.#current = lead
    this.#tiles = labels.map((label, i) => kept[i] ?? this.#tile(i, label, captions?.[i]))
    this.root.replaceChildren(...this.#tiles)
    this.root.classList.remove('stale')
    this.#lay()
  }

  /** @type {(i: number, label: string, caption?: string) => HTMLElement} */
  #tile(i, label, caption) {
    const canvas = make('canvas', { width: this.width, height: this.height, role: 'img', ariaLabel: label })
    noise(canvas)
    const action = (/** @type {string} */ name, /** @type {string} */ word, /** @type {() => void} */ run) => {
      const button = make('button', { type: 'button', title: `${word} ${label}`, tabIndex: i === this.#current ? 0 : -1, onclick: run }, icon(name), make('span', { className: 'word', textContent: word }))
      button.setAttribute('aria-label', `${word} ${label}`)
      return button
    }
    const actions = make('div', { className: 'tile-actions', hidden: true },
      action('edit', 'Edit', () => this.actions.edit(i)),
      action('likely', 'Likely?', () => this.actions.weigh(i)),
      action('save', 'Save', () => this.actions.save(i)))
    const tile = make('li', { className: 'tile waiting' }, canvas, actions)
    if (caption !== undefined) tile.append(make('figcaption', { textContent: caption, ariaHidden: 'true' }))
    return tile
  }

  /**
   * paint shows images in the tiles from first on, as estimates or as the result.
   * Estimates leave the tiles of hold alone, and so does null.
   *
   * @param {(ImageData | null)[]} images
   * @param {{ final?: boolean, first?: number }} [options]
   */
  paint(images, { final = false, first = 0 } = {}) {
    if (final) this.hold = 0
    images.forEach((image, i) => {
      const tile = this.#tiles[first + i]
      if (!image || !tile || first + i < this.hold) return
      tile.querySelector('canvas')?.getContext('2d')?.putImageData(image, 0, 0)
      tile.classList.remove('waiting')
      const actions = tile.querySelector('.tile-actions')
      if (final && actions instanceof HTMLElement) actions.hidden = false
    })
  }

  /** stale marks what is shown as unfinished. */
  stale() {
    this.root.classList.add('stale')
  }

  #lay() {
    const n = this.#tiles.length
    const room = /** @type {HTMLElement} */ (this.root.parentElement).clientWidth
    if (n === 0 || room === 0) return
    const style = getComputedStyle(this.root)
    const inner = this.root.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)
    const { columns, tile } = arrange(n, this.width, { inner, tall: Math.max(320, innerHeight - 280), row: this.row })
    this.columns = columns
    this.root.style.setProperty('--cols', String(columns))
    this.root.style.setProperty('--tile', `${tile}px`)
    for (const each of this.#tiles) each.classList.toggle('small', tile < 210)
  }

  /** Arrow keys go from tile to tile; Tab goes through one tile's actions and out. */
  #move(/** @type {KeyboardEvent} */ event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns }[event.key]
    const to = this.#current + (by ?? 0)
    if (by === undefined || !this.#tiles[to]) return
    event.preventDefault()
    this.#tiles[to].querySelector('button')?.focus()
  }

  #follow(/** @type {FocusEvent} */ event) {
    const to = this.#tiles.findIndex((tile) => tile.contains(/** @type {Node} */ (event.target)))
    if (to < 0 || to === this.#current) return
    const tabbable = (/** @type {number} */ i, /** @type {number} */ tabIndex) => {
      for (const button of this.#tiles[i]?.querySelectorAll('button') ?? []) button.tabIndex = tabIndex
    }
    tabbable(this.#current, -1)
    tabbable(to, 0)
    this.#current = to
  }

  /** A tap on an image shows its actions where there is no hovering. */
  #pick(/** @type {Event} */ event) {
    if (!matchMedia('(hover: none)').matches) return
    const picked = event.target instanceof HTMLCanvasElement ? event.target.closest('.tile') : null
    for (const tile of this.#tiles) tile.classList.toggle('picked', tile === picked && !tile.classList.contains('picked'))
  }
}

/**
 * arrange chooses columns and the size of a tile, in CSS pixels, for n images of
 * this width.
 *
 * @param {number} n
 * @param {number} width of an image, in its own pixels
 * @param {{ inner: number, tall: number, row: number }} room inner: width there is;
 *   tall: height that should not be passed; row: images in a row, 0 for a square
 * @returns {{ columns: number, tile: number }}
 */
function arrange(n, width, { inner, tall, row }) {
  const square = n === 10 ? 5 : n <= 3 ? n : Math.ceil(Math.sqrt(n))
  const ideal = row === 0 ? square : inner < 80 * row ? 2 : row
  let columns = Math.max(1, Math.min(ideal, n, 10))
  const fit = () => (inner - gap * (columns - 1)) / columns
  while (columns > 4 && fit() < 60) columns--
  const rows = Math.ceil(n / columns)
  const high = columns === square ? (tall - gap * (rows - 1)) / rows : Infinity
  const size = Math.min(fit(), Math.max(high, 84), (row === 0 ? 20 : 6) * width)
  const device = width / devicePixelRatio
  const tile = Math.max(1, Math.floor((size + 0.01) / device)) * device
  return { columns, tile: tile > size ? size : tile }
}

/**
 * noise fills a canvas with what every image starts from.
 *
 * @param {HTMLCanvasElement} canvas
 */
function noise(canvas) {
  const image = new ImageData(canvas.width, canvas.height)
  for (let i = 0; i < image.data.length; i += 4) {
    const grey = 128 + 90 * (Math.random() + Math.random() + Math.random() - 1.5)
    image.data.set([grey, grey, grey, 255], i)
  }
  canvas.getContext('2d')?.putImageData(image, 0, 0)
}

/** Sheet is the gallery of mode 'generate', there before the model is. */
export class Sheet extends Gallery {
  /** @type {(i: number) => void} */
  onEdit = () => {}
  /** @type {(i: number) => void} */
  onWeigh = () => {}
  /** @type {(i: number) => void} */
  onSave = () => {}

  constructor() {
    super(element('sheet', HTMLElement), { edit: (i) => this.onEdit(i), weigh: (i) => this.onWeigh(i), save: (i) => this.onSave(i) })
    this.reset([1, 28, 28], Array(16).fill('noise'))
  }
}
