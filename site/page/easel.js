// The canvas on which the mask is painted: drawing, pointers and keys.

import { element } from './dom.js'
import { Mask } from './mask.js'

const maxSide = 448 // CSS pixels: more would push the variations out of sight
const maskColour = 'rgb(255 106 51 / 0.62)'
const edgeColour = '#ffb08f'
const cursorColour = '#ffffff'

/** Easel owns the canvas #easel, the tools above it and the mask. */
export class Easel {
  /** @type {ImageData | undefined} */
  image
  mask = new Mask(1, 1)
  #erasing = false
  #scale = 1
  /** Middle of the brush in pixels of the image; undefined while there is none to show. */
  /** @type {{ x: number, y: number } | undefined} */
  #brush
  /** @type {{ id: number, x: number, y: number, value: number } | undefined} */
  #stroke

  /**
   * @param {(text: string) => void} tell for a screen reader
   * @param {() => void} onChange after every change of the mask
   */
  constructor(tell, onChange) {
    this.tell = tell
    this.onChange = onChange
    this.canvas = element('easel', HTMLCanvasElement)
    this.size = element('brush-size', HTMLInputElement)
    this.small = document.createElement('canvas')
    this.#listenPointer()
    this.#listenTools()
    this.canvas.addEventListener('keydown', (event) => this.#key(event))
    this.canvas.addEventListener('blur', () => this.#show(undefined))
    new ResizeObserver(() => this.#lay()).observe(/** @type {HTMLElement} */ (this.canvas.parentElement))
  }

  /**
   * open puts an image on the easel, under an empty mask.
   *
   * @param {ImageData} image
   * @param {boolean} [keepMask] for the same picture fitted anew
   */
  open(image, keepMask = false) {
    this.image = image
    if (!keepMask || this.mask.width !== image.width || this.mask.height !== image.height) {
      this.mask = new Mask(image.width, image.height)
    }
    this.small.width = image.width
    this.small.height = image.height
    this.small.getContext('2d')?.putImageData(image, 0, 0)
    this.size.max = String(Math.max(2, image.width >> 1))
    this.#lay()
    this.#changed()
  }

  #lay() {
    if (!this.image) return
    const room = this.canvas.parentElement?.clientWidth ?? 0
    if (room === 0) return
    const tall = Math.max(280, innerHeight - 330)
    const device = this.image.width / devicePixelRatio
    const width = Math.max(1, Math.floor(Math.min(room, tall, maxSide) / device)) * device
    this.#scale = Math.round((width * devicePixelRatio) / this.image.width)
    this.canvas.width = this.image.width * this.#scale
    this.canvas.height = this.image.height * this.#scale
    this.canvas.style.width = `${width}px`
    element('tools', HTMLElement).style.maxWidth = `${Math.max(width, 300)}px`
    this.draw()
  }

  draw() {
    const context = this.canvas.getContext('2d')
    if (!context || !this.image) return
    const { width, height } = this.image
    const s = this.#scale
    context.imageSmoothingEnabled = false
    context.drawImage(this.small, 0, 0, width * s, height * s)
    context.fillStyle = maskColour
    this.#each((x, y) => context.fillRect(x * s, y * s, s, s))
    this.#outline(context, new Set(this.#masked()), edgeColour)
    if (this.#brush) this.#outline(context, new Set(this.mask.touched(this.#brush.x, this.#brush.y, this.#size)), cursorColour)
  }

  /** @returns {number[]} */
  #masked() {
    const pixels = []
    for (let i = 0; i < this.mask.data.length; i++) if (this.mask.data[i]) pixels.push(i)
    return pixels
  }

  /** @param {(x: number, y: number) => void} visit */
  #each(visit) {
    for (const i of this.#masked()) visit(i % this.mask.width, Math.floor(i / this.mask.width))
  }

  /**
   * outline draws the border of a set of pixels.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {Set<number>} pixels
   * @param {string} colour
   */
  #outline(context, pixels, colour) {
    const { width } = this.mask
    const s = this.#scale
    const line = Math.max(1, Math.round(1.25 * devicePixelRatio))
    context.fillStyle = colour
    for (const i of pixels) {
      const x = i % width
      const y = Math.floor(i / width)
      if (x === 0 || !pixels.has(i - 1)) context.fillRect(x * s, y * s, line, s)
      if (x === width - 1 || !pixels.has(i + 1)) context.fillRect((x + 1) * s - line, y * s, line, s)
      if (!pixels.has(i - width)) context.fillRect(x * s, y * s, s, line)
      if (!pixels.has(i + width)) context.fillRect(x * s, (y + 1) * s - line, s, line)
    }
  }

  get #size() {
    return Number(this.size.value)
  }

  /** @param {{ x: number, y: number } | undefined} at */
  #show(at) {
    this.#brush = at
    this.draw()
  }

  #changed() {
    element('undo', HTMLButtonElement).disabled = !this.mask.canUndo
    element('redo', HTMLButtonElement).disabled = !this.mask.canRedo
    element('brush-out', HTMLOutputElement).value = `${this.#size} px`
    this.draw()
    this.onChange()
  }

  #listenPointer() {
    const { canvas } = this
    canvas.addEventListener('pointerdown', (event) => {
      if (this.#stroke || event.button > 2) return
      event.preventDefault()
      canvas.focus({ preventScroll: true })
      canvas.setPointerCapture(event.pointerId)
      const erase = this.#erasing || event.button === 2 || (event.buttons & 32) !== 0 || event.shiftKey
      this.#stroke = { id: event.pointerId, ...this.#point(event), value: erase ? 0 : 255 }
      this.mask.begin()
      this.#extend(event)
    })
    canvas.addEventListener('pointermove', (event) => {
      if (this.#stroke?.id === event.pointerId) {
        const events = event.getCoalescedEvents?.() ?? []
        for (const each of events.length > 0 ? events : [event]) this.#extend(each)
      }
      this.#show(this.#point(event))
    })
    const finish = (/** @type {PointerEvent} */ event) => {
      if (this.#stroke?.id !== event.pointerId) return
      this.#stroke = undefined
      this.mask.end()
      if (event.pointerType !== 'mouse') this.#brush = undefined
      this.#changed()
    }
    canvas.addEventListener('pointerup', finish)
    canvas.addEventListener('pointercancel', finish)
    canvas.addEventListener('pointerleave', () => this.#stroke || this.#show(undefined))
    canvas.addEventListener('contextmenu', (event) => event.preventDefault())
  }

  /** @type {(event: PointerEvent) => { x: number, y: number }} */
  #point(event) {
    const box = this.canvas.getBoundingClientRect()
    return {
      x: ((event.clientX - box.left) / box.width) * this.mask.width,
      y: ((event.clientY - box.top) / box.height) * this.mask.height,
    }
  }

  /** @param {PointerEvent} event */
  #extend(event) {
    if (!this.#stroke) return
    const to = this.#point(event)
    this.mask.line(this.#stroke, to, this.#size, this.#stroke.value)
    Object.assign(this.#stroke, to)
    this.draw()
  }

  #listenTools() {
    const on = (/** @type {string} */ id, /** @type {() => void} */ run) => element(id, HTMLButtonElement).addEventListener('click', run)
    on('paint', () => this.#erase(false))
    on('erase', () => this.#erase(true))
    on('undo', () => this.#do('undo'))
    on('redo', () => this.#do('redo'))
    on('mask-invert', () => this.#do('invert'))
    on('mask-clear', () => this.#do('clear'))
    this.size.addEventListener('input', () => this.#changed())
  }

  /** @param {boolean} erasing */
  #erase(erasing) {
    this.#erasing = erasing
    element('paint', HTMLButtonElement).setAttribute('aria-pressed', String(!erasing))
    element('erase', HTMLButtonElement).setAttribute('aria-pressed', String(erasing))
    this.tell(erasing ? 'Erasing' : 'Painting')
  }

  /** @param {'undo' | 'redo' | 'invert' | 'clear'} action */
  #do(action) {
    if (this.#stroke) return
    this.mask[action]()
    this.#changed()
    this.tell(`${action}: ${this.mask.count} pixels masked`)
  }

  /** @param {number} by */
  #resize(by) {
    this.size.value = String(this.#size + by)
    this.#changed()
    this.tell(`brush ${this.#size}`)
  }

  #key(/** @type {KeyboardEvent} */ event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
    const undo = key === 'z' && (event.ctrlKey || event.metaKey || !event.altKey)
    if ((event.ctrlKey || event.metaKey || event.altKey) && !undo) return
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key]
    /** @type {Record<string, () => void>} */
    const keys = {
      ' ': () => this.#dab(event.shiftKey),
      '[': () => this.#resize(-1),
      ']': () => this.#resize(1),
      z: () => this.#do(event.shiftKey ? 'redo' : 'undo'),
      y: () => this.#do('redo'),
      e: () => this.#erase(!this.#erasing),
      i: () => this.#do('invert'),
      Delete: () => this.#do('clear'),
      Backspace: () => this.#do('clear'),
    }
    if (!by && !keys[key]) return
    event.preventDefault()
    if (by) this.#step(by[0], by[1], event.shiftKey)
    else keys[key]()
  }

  /** @type {(dx: number, dy: number, far: boolean) => void} */
  #step(dx, dy, far) {
    const { width, height } = this.mask
    const stride = far ? 5 : 1
    const from = this.#brush ?? { x: width / 2 - dx, y: height / 2 - dy }
    const middle = (/** @type {number} */ value, /** @type {number} */ size) => Math.min(size - 1, Math.max(0, Math.floor(value))) + 0.5
    const to = { x: middle(from.x + stride * dx, width), y: middle(from.y + stride * dy, height) }
    this.#show(to)
    const on = this.mask.data[Math.floor(to.y) * width + Math.floor(to.x)] ? 'masked' : 'not masked'
    this.tell(`column ${Math.ceil(to.x)}, row ${Math.ceil(to.y)}, ${on}`)
  }

  /** @param {boolean} erase */
  #dab(erase) {
    if (!this.#brush) return this.#step(0, 0, false)
    this.mask.begin()
    this.mask.line(this.#brush, this.#brush, this.#size, erase || this.#erasing ? 0 : 255)
    this.mask.end()
    this.#changed()
    this.tell(`${this.mask.count} pixels masked`)
  }
}
