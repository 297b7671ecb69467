// The right-hand column: what a run gave, how to keep it, and the model's facts.

import { element, facts, make } from './dom.js'
import { complain } from './notice.js'
import { duration, size } from './progress.js'
import { download, png, sheet, zip } from './save.js'
import { message } from './model.js'
import { asksClass, offered } from './settings.js'

/** @import { ModelInfo } from '../lib/tweedie.js' */
/** @import { Result } from '../lib/tweedie.js' */
/** @import { Info, Settings } from './settings.js' */
/** @typedef {{ settings: Settings, result: Result, columns: number }} Run */

/**
 * showModel writes the facts of the model.
 *
 * @param {ModelInfo} info
 */
export function showModel(info) {
  const [channels, height, width] = info.shape
  facts(element('model-facts', HTMLElement), [
    ['Name', info.title ?? info.name],
    ['Image', `${width} × ${height}, ${channels === 1 ? 'grey' : 'colour'}`],
    ['Parameters', group(info.parameters)],
    ['Download', size(info.bytes)],
    ['Noise levels σ', `${info.sigma.min} to ${info.sigma.max}`],
    ['Workers', String(info.workers)],
    ['One image', { channels: 'shared by channels', guidance: 'shared by guidance', none: 'on one worker' }[info.sharing]],
    ['SIMD', info.simd ? 'yes' : 'no'],
  ])
}

/** Readout shows one run at a time and saves its images. */
export class Readout {
  /** @type {Run | undefined} */
  #run

  /** @param {Info} info */
  constructor(info) {
    this.info = info
    const on = (/** @type {string} */ id, /** @type {() => unknown} */ run) => element(id, HTMLButtonElement).addEventListener('click', () => attempt(run))
    on('save-sheet', () => this.#saveSheet())
    on('save-all', () => this.#saveAll())
    on('copy-sha', () => copy(this.#run?.result.sha256 ?? '', 'copy-sha'))
    on('copy-link', () => copy(link(), 'copy-link'))
  }

  /** @param {Run | undefined} run */
  show(run) {
    this.#run = run
    element('result', HTMLElement).hidden = !run
    if (!run) return
    const { settings, result } = run
    facts(element('result-facts', HTMLElement), [
      ['Seed', String(settings.seed)],
      ['Class', asksClass(settings, this.info) ? settings.class : undefined],
      ['Sampler', this.info.samplers.find(({ name }) => name === settings.sampler)?.title ?? settings.sampler],
      ['Steps, guidance', `${settings.steps}, ${settings.guidance}`],
      ['Classifier', settings.classifier_guidance > 0 ? String(settings.classifier_guidance) : undefined],
      ...offered(settings, this.info).map(({ name, title }) => /** @type {[string, string | undefined]} */ ([title, told(settings.options[name])])),
      ['Evaluations', group(result.nfe)],
      ['Time', duration(result.ms)],
    ])
    const groups = result.sha256.match(/.{1,8}/g) ?? []
    element('sha256', HTMLElement).replaceChildren(...groups.map((text) => make('span', { textContent: text })))
    element('sha256', HTMLElement).dataset.sha256 = result.sha256
  }

  get #scale() {
    return Number(element('save-scale', HTMLSelectElement).value)
  }

  /** @type {(what: string) => string} */
  #name(what) {
    const { mode, seed } = /** @type {Run} */ (this.#run).settings
    const kind = mode === 'inpaint' ? 'inpaint-' : ''
    return `tweedie-${this.info.name}-${kind}seed${seed}-${what}`.replace(/[^\w.-]+/g, '_')
  }

  /** @param {number} i which image of the run to save */
  save(i) {
    const image = this.#run?.result.images[i]
    if (image) attempt(async () => download(await png(image, this.#scale), this.#name(`${number(i)}.png`)))
  }

  async #saveSheet() {
    if (!this.#run) return
    const { result, columns } = this.#run
    download(await sheet(result.images, this.#scale, columns), this.#name('sheet.png'))
  }

  async #saveAll() {
    if (!this.#run) return
    const files = []
    for (const [i, image] of this.#run.result.images.entries()) {
      files.push({ name: this.#name(`${number(i)}.png`), blob: await png(image, this.#scale) })
    }
    download(await zip(files), this.#name('images.zip'))
  }
}

/** @returns {string} the page's address, or one with a preview where the site's service draws it */
function link() {
  const { share } = document.body.dataset
  const settings = [location.search, location.hash].map((part) => part.slice(1)).filter(Boolean).join('&')
  return share ? new URL(share + settings, document.baseURI).href : location.href
}

/** @type {(value: string | number | boolean | undefined) => string | undefined} */
const told = (value) => (value === true ? 'yes' : value?.toString())

/** @type {(i: number) => string} */
const number = (i) => String(i).padStart(2, '0')

/** @type {(value: number) => string} digits in groups of three */
const group = (value) => value.toLocaleString('en').replaceAll(',', '\u202f')

/** @type {(run: () => unknown) => Promise<void>} */
async function attempt(run) {
  try {
    await run()
  } catch (error) {
    complain(message(error))
  }
}

/**
 * copy puts text on the clipboard and says so on the button.
 *
 * @param {string} text
 * @param {string} id of the button
 */
async function copy(text, id) {
  const button = element(id, HTMLButtonElement)
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    throw new Error(`page: clipboard: this browser does not let the page write to it; the text is ${text}`)
  }
  element('live', HTMLElement).textContent = 'Copied'
  button.classList.add('copied')
  setTimeout(() => button.classList.remove('copied'), 1500)
}
