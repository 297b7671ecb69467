// The inpainting panel: the original image, its mask, and the variations.

import { element, make, showFacts } from './dom.js'
import { hideError, messageOf, showError } from './errors.js'
import { Gallery } from './gallery.js'
import { MaskEditor } from './maskeditor.js'
import { loadModule } from './model.js'
import { checkFile, isFlat } from './picture.js'

/** @import { FitOptions, Model } from '../lib/tweedie.js' */

/**
 * @typedef {object} Hooks
 * @property {() => void} opening another image replaces the one that is open
 * @property {(className: string) => void} opened an image has been opened; its class, '' if unknown
 * @property {() => void} openPanel show this panel
 * @property {(i: number) => void} edit open variation i as the next original
 * @property {(i: number) => void} likelihood show the likelihood of variation i
 * @property {(i: number) => void} save
 * @property {(text: string) => void} announce for screen readers
 */

export class InpaintPanel {
  /** @type {{ picture: ImageData, name: string } | undefined} the visitor's own picture */
  #upload
  #name = ''
  #reading = new AbortController() // of the file that is read
  #opening = 0 // counts the images that were opened or chosen: a slow one must not replace a later one

  /**
   * @param {Pick<Model, 'info' | 'fitPicture'>} model
   * @param {Hooks} hooks
   */
  constructor(model, hooks) {
    this.model = model
    this.hooks = hooks
    this.editor = new MaskEditor(hooks.announce, () => this.#describe())
    // Tile 0 is the original; the page counts the variations.
    this.gallery = new Gallery(element('variations', HTMLElement), { edit: (i) => hooks.edit(i - 1), likelihood: (i) => hooks.likelihood(i - 1), save: (i) => hooks.save(i - 1) }, 4)
    this.file = element('file', HTMLInputElement)
    this.invert = element('invert', HTMLInputElement)
    this.levels = element('levels', HTMLInputElement)
    this.fit = element('fit', HTMLSelectElement)
    element('levels-option', HTMLElement).hidden = model.info.shape[0] !== 1
    this.#listen()
  }

  #listen() {
    for (const id of ['choose', 'choose-first']) element(id, HTMLButtonElement).addEventListener('click', () => this.file.click())
    element('back', HTMLButtonElement).addEventListener('click', () => this.#close())
    this.file.addEventListener('change', () => {
      const file = this.file.files?.[0]
      if (file) this.openFile(file, file.name)
      this.file.value = ''
    })
    for (const input of [this.invert, this.levels, this.fit]) {
      input.addEventListener('change', () => this.#fitAgain())
    }
    document.addEventListener('paste', (event) => {
      const file = [...(event.clipboardData?.files ?? [])][0]
      if (file) this.openFile(file, file.name || 'pasted image')
    })
    this.#listenDrop()
  }

  #listenDrop() {
    const frame = element('drop', HTMLElement)
    const files = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files') ?? false
    document.addEventListener('dragover', (event) => {
      if (!files(event)) return
      event.preventDefault()
      frame.classList.add('over')
    })
    document.addEventListener('dragleave', (event) => {
      if (!event.relatedTarget) frame.classList.remove('over')
    })
    document.addEventListener('drop', (event) => {
      frame.classList.remove('over')
      if (!files(event)) return
      event.preventDefault()
      const file = event.dataTransfer?.files[0]
      if (file) this.openFile(file, file.name)
    })
  }

  /**
   * openFile opens a visitor's picture, or shows why it cannot.
   *
   * @param {Blob} file
   * @param {string} name
   */
  async openFile(file, name) {
    this.hooks.openPanel()
    const opening = ++this.#opening
    this.#reading.abort()
    this.#reading = new AbortController()
    try {
      checkFile(file, name)
      this.hooks.announce(`Reading "${name}"`)
      const picture = await decodeNamed(file, name, this.#reading.signal)
      const fitted = await this.model.fitPicture(picture, { ...this.#fitting, invert: 'auto' })
      if (opening !== this.#opening) return
      this.#upload = { picture, name: `${name}, ${picture.width}\u00a0×\u00a0${picture.height}` }
      this.#show(fitted, false)
      this.hooks.opened('')
      if (isFlat(fitted.image)) showError(`"${name}" has one colour only after fitting: there is nothing to see in it`)
      else hideError()
    } catch (error) {
      if (opening === this.#opening) showError(messageOf(error))
    }
  }

  /** @returns {FitOptions} the options that the panel shows */
  get #fitting() {
    return {
      fit: this.fit.value === 'pad' ? 'pad' : 'crop',
      invert: this.invert.checked ? 'yes' : 'no',
      levels: this.levels.checked ? 'auto' : 'no',
      background: 'auto',
    }
  }

  /** Fits the visitor's picture with other options. */
  async #fitAgain() {
    const upload = this.#upload
    if (!upload) return
    const opening = ++this.#opening
    try {
      const fitted = await this.model.fitPicture(upload.picture, this.#fitting)
      if (opening === this.#opening) this.#show(fitted, true)
    } catch (error) {
      if (opening === this.#opening) showError(messageOf(error))
    }
  }

  /** @type {(fitted: import('../lib/tweedie.js').FittedPicture, keepMask: boolean) => void} */
  #show({ image, inverted }, keepMask) {
    this.invert.checked = inverted
    this.#name = this.#upload?.name ?? ''
    this.#open(image, keepMask)
  }

  /**
   * openImage opens one of the page's own images.
   *
   * @param {ImageData} image
   * @param {string} name
   * @param {string} className
   */
  openImage(image, name, className) {
    this.#opening++
    this.#upload = undefined
    this.#name = name
    this.#open(new ImageData(image.data.slice(), image.width, image.height), false)
    this.hooks.opened(className)
    element('mask-canvas', HTMLCanvasElement).focus()
  }

  /** @type {(image: ImageData, keepMask: boolean) => void} */
  #open(image, keepMask) {
    this.hooks.opening()
    element('picker', HTMLElement).hidden = true
    element('editor', HTMLElement).hidden = false
    element('fit-options', HTMLElement).hidden = !this.#upload
    this.editor.open(image, keepMask)
    this.showTiles(0)
  }

  #close() {
    this.#opening++
    element('picker', HTMLElement).hidden = false
    element('editor', HTMLElement).hidden = true
    this.editor.close()
    const first = element('recent', HTMLElement).querySelector('button') ?? element('choose-first', HTMLButtonElement)
    first.focus()
  }

  #describe() {
    const { image, mask } = this.editor
    if (!image) return
    const fitted = this.#upload ? `${image.width} × ${image.height}${this.model.info.shape[0] === 1 ? ', grey' : ''}` : undefined
    showFacts(element('source-facts', HTMLElement), [
      ['Original', this.#name],
      ['Fitted to', fitted],
      ['Masked', `${mask.count} of ${mask.data.length} pixels`],
    ])
  }

  /**
   * showRecent shows images to choose from.
   *
   * @param {ImageData[]} images
   * @param {(i: number) => void} pick
   * @param {(i: number) => string} label
   */
  showRecent(images, pick, label) {
    const tiles = images.slice(0, 24).map((image, i) => {
      const canvas = make('canvas', { width: image.width, height: image.height })
      canvas.getContext('2d')?.putImageData(image, 0, 0)
      return make('li', {}, make('button', { type: 'button', title: label(i), ariaLabel: label(i), onclick: () => pick(i) }, canvas))
    })
    element('recent', HTMLElement).replaceChildren(...tiles)
  }

  /** @returns {{ image: ImageData, mask: Uint8Array }} the arguments of inpaint; the error says what is missing */
  request() {
    const { image, mask } = this.editor
    if (!image) throw new Error('Choose an image to inpaint: one of yours, or a file that you choose, drop or paste.')
    if (mask.count === 0) throw new Error('The mask is empty: paint over the part of the image to repaint.')
    return { image, mask: mask.data.slice() }
  }

  /**
   * showTiles shows the original and n tiles for variations.
   *
   * @param {number} n
   */
  showTiles(n) {
    const { image } = this.editor
    if (!image) return
    const numbers = Array.from({ length: n }, (_, i) => i + 1)
    this.gallery.reset([this.model.info.shape[0], image.height, image.width], ['original', ...numbers.map((i) => `variation ${i}`)], {
      captions: ['original', ...numbers.map(String)],
      first: 1,
    })
    this.gallery.show([image])
  }
}

/**
 * Decodes a file. The error names it.
 *
 * @param {Blob} file
 * @param {string} name
 * @param {AbortSignal} signal
 */
async function decodeNamed(file, name, signal) {
  try {
    const { decodePicture } = await loadModule()
    return await decodePicture(file, { signal })
  } catch (error) {
    throw new Error(`"${name}": ${messageOf(error)}`)
  }
}
