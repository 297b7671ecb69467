// The way in: what the browser lacks is said before anything else is asked of it,
// and the model is on its way before the page is drawn. Kept to old syntax, so
// that an old browser gets this far.

import { message, missing, open } from './model.js'
import { complain } from './notice.js'

const lacks = missing()

if (lacks) {
  document.body.dataset.state = 'unsupported'
  complain(`page: browser: found no ${lacks}, which the model is computed with; need Chrome or Edge 91, Firefox 114, Safari 16.4, or newer`)
  const now = document.getElementById('meter-now')
  if (now) now.textContent = 'This browser cannot run the model'
} else {
  /** @type {(loading: import('./model.js').Loading) => void} */
  let show = () => {}
  const asked = new URLSearchParams(location.search).get('model')
  const url = asked ? `models/${encodeURIComponent(asked)}.json` : document.body.dataset.model || 'models/mnist.json'
  const load = (/** @type {AbortSignal} */ signal) => open(url, (loading) => show(loading), signal)
  const stop = new AbortController()
  const first = load(stop.signal)
  first.catch(() => {}) // told by start, below
  import('./start.js')
    .then(({ start }) => start(url, first, stop, load, (listener) => { show = listener }))
    .catch((error) => complain(`page: module "start.js": ${message(error)}`, () => location.reload()))
}
