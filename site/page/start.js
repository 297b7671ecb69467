// From a model that is loading to a page at work.

import { element } from './dom.js'
import { messageOf, showError } from './errors.js'
import { clip } from './format.js'
import { sheet } from './gallery.js'
import { fetchModels, nameOf, showModels } from './models.js'
import { Page } from './page.js'
import { ProgressBar } from './progress.js'
import { setState } from './state.js'

/** @import { Model } from '../lib/tweedie.js' */
/** @import { Loading } from './model.js' */

/**
 * whyNot says why a model did not load.
 *
 * @param {string} url
 * @param {import('./models.js').ModelList} list
 * @param {unknown} error
 * @returns {string}
 */
export function whyNot(url, { models, current }, error) {
  const name = nameOf(url)
  if (models.length && !current) return `This site has no model "${clip(name)}". It has ${models.map(({ file }) => file.replace(/\.json$/, '')).join(', ')}.`
  if (!navigator.onLine) return `This device is offline, so the model "${clip(name)}" cannot be downloaded. Try again when it is connected.`
  return messageOf(error)
}

/**
 * start loads the model, shows the progress, and starts the page. If the model cannot be
 * loaded, or the visitor cancels, it shows an error with a button to try again.
 *
 * @param {string} url of the model's manifest
 * @param {(onProgress: (loading: Loading) => void, signal: AbortSignal) => Promise<Model>} load
 */
export async function start(url, load) {
  const progress = new ProgressBar()
  const cancel = element('cancel', HTMLButtonElement)
  const abort = new AbortController()
  const loading = load((each) => progress.loading(each), abort.signal) // before the rest of the page is set up
  setState('loading')
  progress.idle('Starting')
  cancel.onclick = () => abort.abort()
  onkeydown = ({ key }) => { if (key === 'Escape') abort.abort() }
  element('card', HTMLAnchorElement).href = url.replace(/\.json$/, '.md')
  element('model-file', HTMLElement).textContent = url
  const gallery = sheet({ edit() {}, likelihood() {}, save() {} })
  const models = fetchModels(url).catch(() => ({ models: [], current: undefined }))
  models.then((list) => showModels(url, list)) // early, as it moves what is below
  try {
    const model = await loading.finally(() => { cancel.onclick = onkeydown = null })
    new Page(model, (await models).current?.classifier, progress, gallery).begin()
  } catch (error) {
    setState('failed')
    progress.idle('The model is not loaded')
    showError(abort.signal.aborted ? 'Loading the model was cancelled.' : whyNot(url, await models, error), () => start(url, load))
  }
}
