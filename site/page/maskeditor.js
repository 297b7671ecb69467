// The canvas on which the mask is painted: drawing, pointers and keys.

import { element } from './dom.js'
import { Mask } from './mask.js'

const maxSide = 448 // CSS pixels: a larger canvas would push the variations out of view
const maskColour = 'rgb(255 106 51 / 0.62)'
const edgeColour = '#ffb08f'
const brushColour = '#ffffff'

/** MaskEditor owns the canvas #mask-canvas, the tools above it and the mask. */
export class MaskEditor {
  /** @type {ImageData | undefined} */
  image
  mask = new Mask(1, 1)
  #erasing = false
  #scale = 1
  /** @type {{ x: number, y: number } | undefined} centre of the brush in pixels of the image, while it is shown */
  #brush
  /** @type {{ id: number, x: number, y: number, value: number } | undefined} */
  #stroke
  #covered = new Uint8Array(1) // all zero, of the mask's size

  /**
   * @param {(text: string) => void} announce for screen readers
   * @param {() => void} onChange called after every change of the mask
   */
  constructor(announce, onChange) {
    this.announce = announce
    this.onChange = onChange
    this.canvas = element('mask-canvas', HTMLCanvasElement)
    this.size = element('brush-size', HTMLInputElement)
    this.picture = document.createElement('canvas') // the image, one pixel each
    this.overlay = document.createElement('canvas') // the mask, of the size of this.canvas
    this.#listenPointer()
    this.#listenTools()
    this.canvas.addEventListener('keydown', (event) => this.#key(event))
    this.canvas.addEventListener('blur', () => this.#showBrush(undefined))
    new ResizeObserver(() => this.#layout()).observe(/** @type {HTMLElement} */ (this.canvas.parentElement))
  }

  /**
   * open shows an image with an empty mask.
   *
   * @param {ImageData} image
   * @param {boolean} [keepMask] keeps the mask, for the same picture fitted again
   */
  open(image, keepMask = false) {
    this.image = image
    if (!keepMask || this.mask.width !== image.width || this.mask.height !== image.height) {
      this.mask = new Mask(image.width, image.height)
      this.#covered = new Uint8Array(this.mask.data.length)
    }
    this.picture.width = image.width
    this.picture.height = image.height
    this.picture.getContext('2d')?.putImageData(image, 0, 0)
    this.size.max = String(Math.max(2, image.width >> 1))
    this.#layout()
    this.#changed()
  }

  close() {
    this.image = undefined
  }

  #layout() {
    if (!this.image) return
    const room = this.canvas.parentElement?.clientWidth ?? 0
    if (room === 0) return
    const tall = Math.max(280, innerHeight - 330)
    const device = this.image.width / devicePixelRatio
    const width = Math.max(1, Math.floor(Math.min(room, tall, maxSide) / device)) * device
    this.#scale = Math.round((width * devicePixelRatio) / this.image.width)
    for (const canvas of [this.canvas, this.overlay]) {
      canvas.width = this.image.width * this.#scale
      canvas.height = this.image.height * this.#scale
    }
    this.canvas.style.width = `${width}px`
    element('tools', HTMLElement).style.maxWidth = `${Math.max(width, 300)}px`
    this.#drawMask()
  }

  /** Draws the mask into the overlay, and then the canvas. */
  #drawMask() {
    const context = this.overlay.getContext('2d')
    if (!context) return
    const { width, data } = this.mask
    const s = this.#scale
    context.clearRect(0, 0, this.overlay.width, this.overlay.height)
    context.fillStyle = maskColour
    const masked = []
    for (let i = 0; i < data.length; i++) if (data[i]) masked.push(i)
    for (const i of masked) context.fillRect((i % width) * s, Math.floor(i / width) * s, s, s)
    this.#outline(context, masked, data, edgeColour)
    this.#draw()
  }

  #draw() {
    const context = this.canvas.getContext('2d')
    if (!context || !this.image) return
    context.imageSmoothingEnabled = false
    context.drawImage(this.picture, 0, 0, this.canvas.width, this.canvas.height)
    context.drawImage(this.overlay, 0, 0)
    if (!this.#brush) return
    const covered = this.mask.covered(this.#brush.x, this.#brush.y, this.#size)
    for (const i of covered) this.#covered[i] = 255
    this.#outline(context, covered, this.#covered, brushColour)
    for (const i of covered) this.#covered[i] = 0
  }

  /**
   * Draws the border of a set of pixels.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {number[]} indices of the pixels
   * @param {Uint8Array} pixels not zero for those pixels alone
   * @param {string} colour
   */
  #outline(context, indices, pixels, colour) {
    const { width } = this.mask
    const s = this.#scale
    const line = Math.max(1, Math.round(1.25 * devicePixelRatio))
    context.fillStyle = colour
    for (const i of indices) {
      const x = i % width
      const y = Math.floor(i / width)
      if (x === 0 || !pixels[i - 1]) context.fillRect(x * s, y * s, line, s)
      if (x === width - 1 || !pixels[i + 1]) context.fillRect((x + 1) * s - line, y * s, line, s)
      if (!pixels[i - width]) context.fillRect(x * s, y * s, s, line)
      if (!pixels[i + width]) context.fillRect(x * s, (y + 1) * s - line, s, line)
    }
  }

  get #size() {
    return Number(this.size.value)
  }

  /** @param {{ x: number, y: number } | undefined} at */
  #showBrush(at) {
    this.#brush = at
    this.#draw()
  }

  #changed() {
    element('undo', HTMLButtonElement).disabled = !this.mask.canUndo
    element('redo', HTMLButtonElement).disabled = !this.mask.canRedo
    this.#drawMask()
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
      this.#extend([event])
    })
    canvas.addEventListener('pointermove', (event) => {
      if (this.#stroke?.id === event.pointerId) {
        const events = event.getCoalescedEvents?.() ?? []
        this.#extend(events.length > 0 ? events : [event])
      }
      this.#showBrush(this.#point(event))
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
    canvas.addEventListener('pointerleave', () => this.#stroke || this.#showBrush(undefined))
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

  /** Continues the stroke through the points of some events. @param {PointerEvent[]} events */
  #extend(events) {
    for (const event of events) {
      if (!this.#stroke) return
      const to = this.#point(event)
      this.mask.line(this.#stroke, to, this.#size, this.#stroke.value)
      Object.assign(this.#stroke, to)
    }
    this.#drawMask()
  }

  #listenTools() {
    const on = (/** @type {string} */ id, /** @type {() => void} */ run) => element(id, HTMLButtonElement).addEventListener('click', run)
    on('paint', () => this.#erase(false))
    on('erase', () => this.#erase(true))
    on('undo', () => this.#do('undo'))
    on('redo', () => this.#do('redo'))
    on('mask-invert', () => this.#do('invert'))
    on('mask-clear', () => this.#do('clear'))
    this.size.addEventListener('input', () => this.#showSize())
    this.#showSize()
  }

  #showSize() {
    element('brush-out', HTMLOutputElement).value = `${this.#size} px`
    this.#draw()
  }

  /** @param {boolean} erasing */
  #erase(erasing) {
    this.#erasing = erasing
    element('paint', HTMLButtonElement).setAttribute('aria-pressed', String(!erasing))
    element('erase', HTMLButtonElement).setAttribute('aria-pressed', String(erasing))
    this.announce(erasing ? 'Erasing' : 'Painting')
  }

  /** @param {'undo' | 'redo' | 'invert' | 'clear'} action */
  #do(action) {
    if (this.#stroke) return
    this.mask[action]()
    this.#changed()
    this.announce(`${action}: ${this.mask.count} pixels masked`)
  }

  /** @param {number} by */
  #resize(by) {
    this.size.value = String(this.#size + by)
    this.#showSize()
    this.announce(`brush ${this.#size}`)
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
    if (by) this.#moveBrush(by[0], by[1], event.shiftKey)
    else keys[key]()
  }

  /** @type {(dx: number, dy: number, far: boolean) => void} */
  #moveBrush(dx, dy, far) {
    const { width, height } = this.mask
    const stride = far ? 5 : 1
    const from = this.#brush ?? { x: width / 2 - dx, y: height / 2 - dy }
    const centre = (/** @type {number} */ value, /** @type {number} */ size) => Math.min(size - 1, Math.max(0, Math.floor(value))) + 0.5
    const to = { x: centre(from.x + stride * dx, width), y: centre(from.y + stride * dy, height) }
    this.#showBrush(to)
    const masked = this.mask.data[Math.floor(to.y) * width + Math.floor(to.x)] ? 'masked' : 'not masked'
    this.announce(`column ${Math.ceil(to.x)}, row ${Math.ceil(to.y)}, ${masked}`)
  }

  /** @param {boolean} erase */
  #dab(erase) {
    if (!this.#brush) return this.#moveBrush(0, 0, false)
    this.mask.begin()
    this.mask.line(this.#brush, this.#brush, this.#size, erase || this.#erasing ? 0 : 255)
    this.mask.end()
    this.#changed()
    this.announce(`${this.mask.count} pixels masked`)
  }
}
