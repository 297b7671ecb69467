// The right-hand column: the results of a run and how to save them, and the model's facts.

import { element, make, showFacts } from './dom.js'
import { messageOf, showError } from './errors.js'
import { duration, grouped, size } from './format.js'
import { png, sheet } from './png.js'
import { download, zip } from './save.js'
import { applicable, hasClasses, samplerOf } from './settings.js'

/** @import { ModelInfo, Result } from '../lib/tweedie.js' */
/** @import { Info, Settings } from './settings.js' */
/** @typedef {{ settings: Settings, result: Result, columns: number }} Run */

/**
 * showModel shows the facts of the model.
 *
 * @param {ModelInfo} info
 */
export function showModel(info) {
  const [channels, height, width] = info.shape
  showFacts(element('model-facts', HTMLElement), [
    ['Name', info.title ?? info.name],
    ['Image', `${width} × ${height}, ${channels === 1 ? 'grey' : 'colour'}`],
    ['Parameters', grouped(info.parameters)],
    ['Download', size(info.bytes)],
    ['Noise levels σ', `${info.sigma.min} to ${info.sigma.max}`],
    ['Workers', String(info.workers)],
    ['One image', { channels: 'split by channels', guidance: 'split by guidance', none: 'on one worker' }[info.sharing]],
    ['SIMD', info.simd ? 'yes' : 'no'],
  ])
}

/** Results shows one run at a time and saves its images. */
export class Results {
  /** @type {Run | undefined} */
  #run

  /** @param {Info} info */
  constructor(info) {
    this.info = info
    const on = (/** @type {string} */ id, /** @type {() => unknown} */ action) => element(id, HTMLButtonElement).addEventListener('click', () => attempt(action))
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
    showFacts(element('result-facts', HTMLElement), [
      ['Seed', String(settings.seed)],
      ['Class', hasClasses(settings, this.info) ? settings.class : undefined],
      ['Sampler', samplerOf(settings.sampler, this.info)?.title ?? settings.sampler],
      ['Steps, guidance', `${settings.steps}, ${settings.guidance}`],
      ['Classifier', settings.classifier_guidance > 0 ? String(settings.classifier_guidance) : undefined],
      ...applicable(settings, this.info).map(({ name, title }) => /** @type {[string, string | undefined]} */ ([title, text(settings.options[name])])),
      ['Evaluations', grouped(result.nfe)],
      ['Time', duration(result.ms)],
    ])
    const groups = result.sha256.match(/.{1,8}/g) ?? []
    element('sha256', HTMLElement).replaceChildren(...groups.map((textContent) => make('span', { textContent })))
    element('sha256', HTMLElement).dataset.sha256 = result.sha256
  }

  get #scale() {
    return Number(element('save-scale', HTMLSelectElement).value)
  }

  /** @type {(what: string) => string} */
  #fileName(what) {
    const { mode, seed } = /** @type {Run} */ (this.#run).settings
    const kind = mode === 'inpaint' ? 'inpaint-' : ''
    return `tweedie-${this.info.name}-${kind}seed${seed}-${what}`.replace(/[^\w.-]+/g, '_')
  }

  /** @param {number} i the image of the run to save */
  save(i) {
    const image = this.#run?.result.images[i]
    if (image) attempt(async () => download(await png(image, this.#scale), this.#fileName(`${number(i)}.png`)))
  }

  async #saveSheet() {
    if (!this.#run) return
    const { result, columns } = this.#run
    download(await sheet(result.images, this.#scale, columns), this.#fileName('sheet.png'))
  }

  async #saveAll() {
    if (!this.#run) return
    const files = []
    for (const [i, image] of this.#run.result.images.entries()) {
      files.push({ name: this.#fileName(`${number(i)}.png`), blob: await png(image, this.#scale) })
    }
    download(await zip(files), this.#fileName('images.zip'))
  }
}

/** @returns {string} the page's address, or where the site has a service one with a preview image */
function link() {
  const { share } = document.body.dataset
  const settings = [location.search, location.hash].map((part) => part.slice(1)).filter(Boolean).join('&')
  return share ? new URL(share + settings, document.baseURI).href : location.href
}

/** @type {(value: string | number | boolean | undefined) => string | undefined} */
const text = (value) => (value === true ? 'yes' : value?.toString())

/** @type {(i: number) => string} */
const number = (i) => String(i).padStart(2, '0')

/** @type {(action: () => unknown) => Promise<void>} */
async function attempt(action) {
  try {
    await action()
  } catch (error) {
    showError(messageOf(error))
  }
}

/**
 * copy writes text to the clipboard and shows it on the button.
 *
 * @param {string} text
 * @param {string} id of the button
 */
async function copy(text, id) {
  const button = element(id, HTMLButtonElement)
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    throw new Error(`The page cannot write to the clipboard. Copy this text: ${text}`)
  }
  element('live', HTMLElement).textContent = 'Copied'
  button.classList.add('copied')
  setTimeout(() => button.classList.remove('copied'), 1500)
}
