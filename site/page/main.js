// Starts the page: it checks that this browser can run the model, starts loading the
// model, and hands both to start.js.

import { message, missing, open } from './model.js'
import { complain } from './notice.js'
import { start } from './start.js'

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
  start(url, load(stop.signal), stop, load, (listener) => { show = listener })
}
