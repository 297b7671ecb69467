// From a model on its way to a page at work.

import { element } from './dom.js'
import { Sheet } from './gallery.js'
import { message } from './model.js'
import { catalogue, offerModels } from './models.js'
import { complain } from './notice.js'
import { Page, state } from './page.js'
import { Ruler } from './progress.js'

/** @import { Model } from './tweedie.js' */
/** @import { Loading } from './model.js' */

/**
 * start waits for the model, showing how far it is, and sets the page to work.
 * A model that does not come is told, with a button that calls load again.
 *
 * @param {string} url
 * @param {Promise<Model>} model
 * @param {() => Promise<Model>} load
 * @param {(listener: (loading: Loading) => void) => void} listen
 */
export async function start(url, model, load, listen) {
  const ruler = new Ruler()
  state('loading')
  listen((loading) => ruler.loading(loading))
  element('card', HTMLAnchorElement).href = url.replace(/\.json$/, '.md')
  element('load-note', HTMLElement).textContent = url
  const sheet = new Sheet()
  const listed = catalogue(url).catch(() => ({ models: [], own: undefined }))
  try {
    const loaded = await model
    const site = await listed
    new Page(loaded, site.own?.classifier, ruler, sheet).begin()
    offerModels(url, site)
  } catch (error) {
    state('failed')
    ruler.idle('The model is not loaded')
    complain(message(error), () => start(url, load(), load, listen))
  }
}
