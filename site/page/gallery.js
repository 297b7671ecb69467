// Images in a grid of tiles, sized so that a pixel of the model is a whole number of
// screen pixels, with actions for mouse, touch and keyboard.

import { element, icon, make } from './dom.js'

/** @typedef {{ edit: (i: number) => void, likelihood: (i: number) => void, save: (i: number) => void }} Actions */

const gap = 2 // of stage.css

export class Gallery {
  /** @type {HTMLElement[]} */
  #tiles = []
  columns = 1
  resets = 0 // counts resets, after which earlier tiles are gone
  #current = 0

  /**
   * @param {HTMLElement} root a list; reset empties it
   * @param {Actions} actions
   * @param {number} [row] images in a row if they fit; 0 for a square
   */
  constructor(root, actions, row = 0) {
    this.root = root
    this.actions = actions
    this.row = row
    this.width = this.height = 1
    this.locked = 0
    root.addEventListener('keydown', (event) => this.#move(event))
    root.addEventListener('focusin', (event) => this.#trackFocus(event))
    root.addEventListener('click', (event) => this.#pick(event))
    new ResizeObserver(() => this.#layout()).observe(/** @type {HTMLElement} */ (root.parentElement))
    addEventListener('resize', () => this.#layout())
  }

  /**
   * reset fills the gallery with noise, one tile per label.
   *
   * @param {number[]} shape [C,H,W] of the images
   * @param {string[]} labels names of the images for screen readers
   * @param {{ captions?: string[], locked?: number, first?: number }} [options] locked:
   *   how many tiles keep what they show until the final images; first: the first tile
   *   that has actions
   */
  reset([, height, width], labels, { captions, locked = 0, first = 0 } = {}) {
    const kept = this.#tiles.slice(0, locked)
    Object.assign(this, { width, height, locked })
    this.#current = first
    this.#tiles = labels.map((label, i) => kept[i] ?? this.#tile(i, label, captions?.[i]))
    this.root.replaceChildren(...this.#tiles)
    this.root.classList.remove('unfinished')
    this.resets++
    this.#layout()
  }

  /** @type {(i: number, label: string, caption?: string) => HTMLElement} */
  #tile(i, label, caption) {
    const canvas = make('canvas', { width: this.width, height: this.height, role: 'img', ariaLabel: label })
    drawNoise(canvas)
    const action = (/** @type {string} */ name, /** @type {string} */ word, /** @type {() => void} */ run) => {
      const button = make('button', { type: 'button', title: `${word} ${label}`, tabIndex: i === this.#current ? 0 : -1, onclick: run }, icon(name), make('span', { className: 'word', textContent: word }))
      button.setAttribute('aria-label', `${word} ${label}`)
      return button
    }
    const actions = make('div', { className: 'tile-actions', hidden: true },
      action('edit', 'Edit', () => this.actions.edit(i)),
      action('likelihood', 'Likelihood', () => this.actions.likelihood(i)),
      action('save', 'Save', () => this.actions.save(i)))
    const tile = make('li', { className: 'tile waiting' }, canvas, actions)
    if (caption !== undefined) tile.append(make('figcaption', { textContent: caption, ariaHidden: 'true' }))
    return tile
  }

  /**
   * show shows images in the tiles from first on, as previews or as the result. Previews
   * do not change locked tiles; null changes no tile.
   *
   * @param {(ImageData | null)[]} images
   * @param {{ final?: boolean, first?: number }} [options]
   */
  show(images, { final = false, first = 0 } = {}) {
    if (final) this.locked = 0
    images.forEach((image, i) => {
      const tile = this.#tiles[first + i]
      if (!image || !tile || first + i < this.locked) return
      tile.querySelector('canvas')?.getContext('2d')?.putImageData(image, 0, 0)
      tile.classList.remove('waiting')
      const actions = tile.querySelector('.tile-actions')
      if (final && actions instanceof HTMLElement) actions.hidden = false
    })
  }

  /** markUnfinished shows that the images are of a run that has stopped. */
  markUnfinished() {
    this.root.classList.add('unfinished')
  }

  #layout() {
    const n = this.#tiles.length
    const room = /** @type {HTMLElement} */ (this.root.parentElement).clientWidth
    if (n === 0 || room === 0) return
    const style = getComputedStyle(this.root)
    const inner = this.root.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)
    const { columns, tile } = arrange(n, this.width, { inner, tall: Math.max(320, innerHeight - 280), row: this.row, pixelRatio: devicePixelRatio })
    this.columns = columns
    this.root.style.setProperty('--cols', String(columns))
    this.root.style.setProperty('--tile', `${tile}px`)
    for (const each of this.#tiles) each.classList.toggle('small', tile < 210)
  }

  /** Arrow keys move between tiles; Tab moves through the actions of one tile. */
  #move(/** @type {KeyboardEvent} */ event) {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns }[event.key]
    const to = this.#current + (by ?? 0)
    if (by === undefined || !this.#tiles[to]) return
    event.preventDefault()
    this.#tiles[to].querySelector('button')?.focus()
  }

  #trackFocus(/** @type {FocusEvent} */ event) {
    const to = this.#tiles.findIndex((tile) => tile.contains(/** @type {Node} */ (event.target)))
    if (to < 0 || to === this.#current) return
    const tabbable = (/** @type {number} */ i, /** @type {number} */ tabIndex) => {
      for (const button of this.#tiles[i]?.querySelectorAll('button') ?? []) button.tabIndex = tabIndex
    }
    tabbable(this.#current, -1)
    tabbable(to, 0)
    this.#current = to
  }

  /** A tap on an image shows its actions on screens that cannot hover. */
  #pick(/** @type {Event} */ event) {
    if (!matchMedia('(hover: none)').matches) return
    const picked = event.target instanceof HTMLCanvasElement ? event.target.closest('.tile') : null
    for (const tile of this.#tiles) tile.classList.toggle('picked', tile === picked && !tile.classList.contains('picked'))
  }
}

/**
 * arrange chooses the number of columns and the size of a tile, in CSS pixels.
 *
 * @param {number} n number of images
 * @param {number} width of an image, in its own pixels
 * @param {{ inner: number, tall: number, row: number, pixelRatio: number }} room inner:
 *   available width; tall: preferred height; row: images in a row, 0 for a square
 * @returns {{ columns: number, tile: number }}
 */
export function arrange(n, width, { inner, tall, row, pixelRatio }) {
  const square = n === 10 ? 5 : n <= 3 ? n : Math.ceil(Math.sqrt(n))
  const ideal = row === 0 ? square : inner < 80 * row ? 2 : row
  let columns = Math.max(1, Math.min(ideal, n, 10))
  const fit = () => (inner - gap * (columns - 1)) / columns
  while (columns > 4 && fit() < 60) columns--
  const rows = Math.ceil(n / columns)
  const high = columns === square ? (tall - gap * (rows - 1)) / rows : Infinity
  const size = Math.min(fit(), Math.max(high, 84), (row === 0 ? 20 : 6) * width)
  const device = width / pixelRatio
  const tile = Math.max(1, Math.floor((size + 0.01) / device)) * device
  return { columns, tile: tile > size ? size : tile }
}

/** Fills a canvas with noise, from which sampling starts. @param {HTMLCanvasElement} canvas */
function drawNoise(canvas) {
  const image = new ImageData(canvas.width, canvas.height)
  for (let i = 0; i < image.data.length; i += 4) {
    const grey = 128 + 90 * (Math.random() + Math.random() + Math.random() - 1.5)
    image.data.set([grey, grey, grey, 255], i)
  }
  canvas.getContext('2d')?.putImageData(image, 0, 0)
}

/**
 * sheet returns the gallery of generated images, filled with noise until the model is loaded.
 *
 * @param {Actions} actions
 */
export function sheet(actions) {
  const gallery = new Gallery(element('sheet', HTMLElement), actions)
  gallery.reset([1, 28, 28], Array(16).fill('noise'))
  return gallery
}
