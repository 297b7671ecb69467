// The models of a site: which there are, and what comes with each.

import { element, make } from './dom.js'
import { size } from './progress.js'

/** @import { Model } from '../lib/tweedie.js' */
/** @import { Loading } from './model.js' */

/**
 * @typedef {{ file: string, classes: string[], bytes: number }} Classifier that can guide a model, its file beside it
 * @typedef {{ file: string, title: string, bytes: number, classifier?: Classifier }} Entry
 * @typedef {{ models: Entry[], own?: Entry }} Catalogue own: of the model that is open
 */

/**
 * catalogue reads which models the site has; none, for a page beside one model without
 * a list.
 *
 * @param {string} url of the model that is open
 * @returns {Promise<Catalogue>}
 */
export async function catalogue(url) {
  const answer = await fetch('models/index.json').catch(() => undefined)
  if (!answer?.ok) return { models: [] }
  /** @type {{ models: Entry[] }} */
  const { models } = await answer.json()
  return { models, own: models.find(({ file }) => file === `${nameOf(url)}.json`) }
}

/** @param {string} url */
const nameOf = (url) => decodeURIComponent(url.replace(/^.*\/|\.json$/g, ''))

/**
 * offerModels shows the choice of models where the site has several. Another one comes
 * with a page of its own, as nothing on this one would stay.
 *
 * @param {string} url of the model that is open
 * @param {Catalogue} catalogue
 */
export function offerModels(url, { models }) {
  const select = element('model', HTMLSelectElement)
  select.replaceChildren(...models.map(({ file, title }) => make('option', { value: file.replace(/\.json$/, ''), textContent: title })))
  select.value = nameOf(url)
  element('model-field', HTMLElement).hidden = models.length < 2
  select.onchange = () => {
    location.assign(`${location.pathname}?${new URLSearchParams({ model: select.value })}`) // without the settings of this one
  }
}

/** Guide is the classifier of a model, if it has one, and is fetched when it is asked for. */
export class Guide {
  /** @type {Promise<unknown> | undefined} on its way, or there */
  #coming
  #way = new AbortController()
  /** @type {Loading | undefined} how far it is */
  #loading
  /** @type {((loading: Loading) => void) | undefined} */
  #hear

  /**
   * @param {Model} model
   * @param {Classifier | undefined} classifier
   */
  constructor(model, classifier) {
    this.model = model
    this.classifier = classifier
  }

  /**
   * ready has the model guided by the classifier, if these settings ask for that.
   *
   * @param {{ classifier_guidance: number }} settings
   * @param {(loading: Loading) => void} [hear] told how far it is, until stop
   */
  async ready({ classifier_guidance }, hear = this.#hear) {
    if (!this.classifier || !(classifier_guidance > 0)) return
    this.#hear = hear
    if (this.#loading) hear?.(this.#loading)
    this.#coming ??= this.#fetch(this.classifier).catch((error) => {
      this.#coming = undefined
      throw error
    })
    await this.#coming
  }

  /** @param {Classifier} classifier */
  #fetch({ file, bytes }) {
    element('estimate', HTMLElement).textContent = `Loading the classifier, ${size(bytes)}.`
    this.#way = new AbortController()
    const onProgress = (/** @type {Loading} */ loading) => {
      this.#loading = loading
      this.#hear?.(loading)
    }
    return this.model.classify(`models/${file}`, { signal: this.#way.signal, onProgress }).finally(() => { this.#loading = undefined })
  }

  /** stop ends its way; the next who asks begins anew. */
  stop() {
    this.#hear = undefined
    this.#way.abort()
  }
}
