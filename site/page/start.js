// From a model on its way to a page at work.

import { element } from './dom.js'
import { Sheet } from './gallery.js'
import { message } from './model.js'
import { catalogue, offerModels } from './models.js'
import { complain } from './notice.js'
import { Page, state } from './page.js'
import { Ruler } from './progress.js'

/** @import { Model } from '../lib/tweedie.js' */
/** @import { Loading } from './model.js' */

/**
 * start waits for the model, showing how far it is, and sets the page to work.
 * A model that does not come, or is not waited for any more, is told, with a button
 * that calls load again.
 *
 * @param {string} url
 * @param {Promise<Model>} model
 * @param {AbortController} stop of the model's way
 * @param {(signal: AbortSignal) => Promise<Model>} load
 * @param {(listener: (loading: Loading) => void) => void} listen
 */
export async function start(url, model, stop, load, listen) {
  const ruler = new Ruler()
  const cancel = element('cancel', HTMLButtonElement)
  state('loading')
  ruler.idle('Starting')
  cancel.disabled = false
  cancel.onclick = () => stop.abort()
  onkeydown = ({ key }) => { if (key === 'Escape') stop.abort() }
  listen((loading) => ruler.loading(loading))
  element('card', HTMLAnchorElement).href = url.replace(/\.json$/, '.md')
  element('load-note', HTMLElement).textContent = url
  const sheet = new Sheet()
  const listed = catalogue(url).catch(() => ({ models: [], own: undefined }))
  listed.then((site) => offerModels(url, site)) // at once: what is below moves down
  try {
    const loaded = await model.finally(() => {
      cancel.onclick = onkeydown = null
      cancel.disabled = true
    })
    new Page(loaded, (await listed).own?.classifier, ruler, sheet).begin()
  } catch (error) {
    state('failed')
    ruler.idle('The model is not loaded')
    complain(stop.signal.aborted ? 'page: model: its loading was cancelled' : message(error), () => {
      const again = new AbortController()
      start(url, load(again.signal), again, load, listen)
    })
  }
}
