// The inpainting panel: where the image comes from, its mask, its variations.

import { element, facts, make } from './dom.js'
import { Easel } from './easel.js'
import { Gallery } from './gallery.js'
import { message } from './model.js'
import { complain, hush } from './notice.js'
import { decode, fit } from './upload.js'

/** @import { ModelInfo } from '../lib/tweedie.js' */

/**
 * @typedef {object} Hooks
 * @property {(name: string) => void} opened an image is on the easel; name is its class or ''
 * @property {() => void} wanted the visitor brought an image while the panel was away
 * @property {(i: number) => void} edit take variation i as the next original
 * @property {(i: number) => void} weigh ask how likely variation i is
 * @property {(i: number) => void} save
 * @property {(text: string) => void} tell
 */

const noMask = 'page: mask: found no painted pixel, need at least one; paint over what is to be repainted'

export class Inpaint {
  /** @type {{ picture: ImageBitmap, name: string } | undefined} */
  #upload
  #name = ''

  /**
   * @param {ModelInfo} info
   * @param {Hooks} hooks
   */
  constructor(info, hooks) {
    this.info = info
    this.hooks = hooks
    this.easel = new Easel(hooks.tell, () => this.#describe())
    // Tile 0 is the original; what the page counts are the variations.
    this.gallery = new Gallery(element('variations', HTMLElement), { edit: (i) => hooks.edit(i - 1), weigh: (i) => hooks.weigh(i - 1), save: (i) => hooks.save(i - 1) }, 4)
    this.file = element('file', HTMLInputElement)
    this.invert = element('tone-invert', HTMLInputElement)
    this.crop = element('fit-crop', HTMLInputElement)
    this.#listen()
  }

  #listen() {
    for (const id of ['choose', 'choose-first']) element(id, HTMLButtonElement).addEventListener('click', () => this.file.click())
    element('back', HTMLButtonElement).addEventListener('click', () => this.#empty())
    this.file.addEventListener('change', () => {
      const file = this.file.files?.[0]
      if (file) this.bring(file, file.name)
      this.file.value = ''
    })
    this.invert.addEventListener('change', () => this.#refit(this.invert.checked))
    this.crop.addEventListener('change', () => this.#refit(this.invert.checked))
    document.addEventListener('paste', (event) => {
      const file = [...(event.clipboardData?.files ?? [])][0]
      if (file) this.bring(file, file.name || 'pasted image')
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
      if (file) this.bring(file, file.name)
    })
  }

  /**
   * bring opens a visitor's file, or says why it cannot.
   *
   * @param {Blob} file
   * @param {string} name
   */
  async bring(file, name) {
    this.hooks.wanted()
    try {
      const picture = await decode(file, name)
      this.#upload?.picture.close()
      this.#upload = { picture, name }
      this.crop.checked = false
      this.#refit(undefined)
      this.hooks.opened('')
      hush()
    } catch (error) {
      complain(message(error))
    }
  }

  /** @param {boolean | undefined} invert undefined decides by the picture */
  #refit(invert) {
    if (!this.#upload) return
    const [channels, height, width] = this.info.shape
    const { picture, name } = this.#upload
    const { image, inverted } = fit(picture, { width, height, grey: channels === 1, crop: this.crop.checked, invert })
    this.invert.checked = inverted
    this.#name = `${name}, ${picture.width} × ${picture.height}`
    this.#open(image, invert !== undefined)
  }

  /**
   * take puts one of the page's own images on the easel.
   *
   * @param {ImageData} image
   * @param {string} name what it is called
   * @param {string} className
   */
  take(image, name, className) {
    this.#upload?.picture.close()
    this.#upload = undefined
    this.#name = name
    this.#open(new ImageData(image.data.slice(), image.width, image.height), false)
    this.hooks.opened(className)
    element('easel', HTMLCanvasElement).focus()
  }

  /** @type {(image: ImageData, keepMask: boolean) => void} */
  #open(image, keepMask) {
    element('source-empty', HTMLElement).hidden = true
    element('work', HTMLElement).hidden = false
    element('upload-options', HTMLElement).hidden = !this.#upload
    this.easel.open(image, keepMask)
    this.expect(0)
  }

  #empty() {
    element('source-empty', HTMLElement).hidden = false
    element('work', HTMLElement).hidden = true
    this.easel.image = undefined
    const first = element('picks', HTMLElement).querySelector('button') ?? element('choose-first', HTMLButtonElement)
    first.focus()
  }

  #describe() {
    const { image, mask } = this.easel
    if (!image) return
    const fitted = this.#upload ? `${image.width} × ${image.height}${this.info.shape[0] === 1 ? ', grey' : ''}` : undefined
    facts(element('source-facts', HTMLElement), [
      ['Original', this.#name],
      ['Fitted to', fitted],
      ['Masked', `${mask.count} of ${mask.data.length} pixels`],
    ])
  }

  /**
   * offer shows images to begin with.
   *
   * @param {ImageData[]} images
   * @param {(i: number) => void} pick
   * @param {(i: number) => string} label
   */
  offer(images, pick, label) {
    const tiles = images.slice(0, 24).map((image, i) => {
      const canvas = make('canvas', { width: image.width, height: image.height })
      canvas.getContext('2d')?.putImageData(image, 0, 0)
      return make('li', {}, make('button', { type: 'button', title: label(i), ariaLabel: label(i), onclick: () => pick(i) }, canvas))
    })
    element('picks', HTMLElement).replaceChildren(...tiles)
  }

  /** @returns {{ image: ImageData, mask: Uint8Array }} what is to be repainted; an Error names what lacks */
  request() {
    const { image, mask } = this.easel
    if (!image) throw new Error('page: inpaint: found no image, need one; take one of yours, or choose, drop or paste a file')
    if (mask.count === 0) throw new Error(noMask)
    return { image, mask: mask.data.slice() }
  }

  /**
   * expect lays out the original and room for n variations.
   *
   * @param {number} n
   */
  expect(n) {
    const { image } = this.easel
    if (!image) return
    const numbers = Array.from({ length: n }, (_, i) => i + 1)
    this.gallery.reset(this.info.shape, ['original', ...numbers.map((i) => `variation ${i}`)], {
      captions: ['original', ...numbers.map(String)],
      lead: 1,
    })
    this.gallery.paint([image])
  }
}
