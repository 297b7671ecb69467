// The models of the site, and the classifiers that can guide them.

import { element, make } from './dom.js'
import { size } from './format.js'

/** @import { Model } from '../lib/tweedie.js' */
/** @import { Loading } from './model.js' */

/**
 * @typedef {{ file: string, classes: string[], bytes: number }} Classifier that can guide a model; its file is in the same folder
 * @typedef {{ file: string, title: string, bytes: number, classifier?: Classifier }} Entry
 * @typedef {{ models: Entry[], current?: Entry }} ModelList current: the model that is open
 */

/**
 * fetchModels fetches the list of the site's models, which is empty if the site has none.
 *
 * @param {string} url of the model that is open
 * @returns {Promise<ModelList>}
 */
export async function fetchModels(url) {
  const answer = await fetch('models/index.json').catch(() => undefined)
  if (!answer?.ok) return { models: [] }
  /** @type {{ models: Entry[] }} */
  const { models } = await answer.json()
  return { models, current: models.find(({ file }) => file === `${nameOf(url)}.json`) }
}

/** @type {(url: string) => string} the name of the model at a URL */
export const nameOf = (url) => decodeURIComponent(url.replace(/^.*\/|\.json$/g, ''))

/**
 * showModels shows the choice of models if the site has several. A choice loads the page
 * again.
 *
 * @param {string} url of the model that is open
 * @param {ModelList} list
 */
export function showModels(url, { models }) {
  const select = element('model', HTMLSelectElement)
  select.replaceChildren(...models.map(({ file, title }) => make('option', { value: file.replace(/\.json$/, ''), textContent: title })))
  select.value = nameOf(url)
  element('model-field', HTMLElement).hidden = models.length < 2
  select.onchange = () => {
    location.assign(`${location.pathname}?${new URLSearchParams({ model: select.value })}`) // without the present settings
  }
}

/** ClassifierLoader loads the classifier of a model, if the site has one, when settings first need it. */
export class ClassifierLoader {
  /** @type {Promise<unknown> | undefined} pending or done */
  #loaded
  #abort = new AbortController()
  /** @type {Loading | undefined} the last progress */
  #progress
  /** @type {((loading: Loading) => void) | undefined} */
  #onProgress

  /**
   * @param {Model} model
   * @param {Classifier | undefined} classifier
   */
  constructor(model, classifier) {
    this.model = model
    this.classifier = classifier
  }

  /**
   * ready waits until the model has the classifier, if these settings need it.
   *
   * @param {{ classifier_guidance: number }} settings
   * @param {(loading: Loading) => void} [onProgress]
   */
  async ready({ classifier_guidance }, onProgress = this.#onProgress) {
    if (!this.classifier || !(classifier_guidance > 0)) return
    this.#onProgress = onProgress
    if (this.#progress) onProgress?.(this.#progress)
    this.#loaded ??= this.#load(this.classifier).catch((error) => {
      this.#loaded = undefined
      throw error
    })
    await this.#loaded
  }

  /** @param {Classifier} classifier */
  #load({ file, bytes }) {
    element('estimate', HTMLElement).textContent = `Loading the classifier, ${size(bytes)}.`
    this.#abort = new AbortController()
    const onProgress = (/** @type {Loading} */ loading) => {
      this.#progress = loading
      this.#onProgress?.(loading)
    }
    return this.model.setClassifier(`models/${file}`, { signal: this.#abort.signal, onProgress }).finally(() => { this.#progress = undefined })
  }

  /** cancel stops loading; the next ready starts again. */
  cancel() {
    this.#onProgress = undefined
    this.#abort.abort()
  }
}
