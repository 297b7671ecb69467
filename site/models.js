// The choice of models, where a site has several.

import { element, make } from './dom.js'

/**
 * offerModels shows the choice of models where the site has several. Another one comes
 * with a page of its own, as nothing on this one would stay.
 *
 * @param {string} url of the model that is open
 */
export async function offerModels(url) {
  const answer = await fetch('models/index.json').catch(() => undefined)
  if (!answer?.ok) return // a page beside one model, without a list
  /** @type {{ models: { file: string, title: string, bytes: number }[] }} */
  const { models } = await answer.json()
  const select = element('model', HTMLSelectElement)
  select.replaceChildren(...models.map(({ file, title }) => make('option', { value: file.replace(/\.json$/, ''), textContent: title })))
  select.value = decodeURIComponent(url.replace(/^.*\/|\.json$/g, ''))
  element('model-field', HTMLElement).hidden = models.length < 2
  select.addEventListener('change', () => {
    location.assign(`${location.pathname}?${new URLSearchParams({ model: select.value })}`) // without the settings of this one
  })
}
