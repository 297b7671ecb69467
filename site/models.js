// The models of a site: which there are, and what comes with each.

import { element, make } from './dom.js'

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
  select.addEventListener('change', () => {
    location.assign(`${location.pathname}?${new URLSearchParams({ model: select.value })}`) // without the settings of this one
  })
}
