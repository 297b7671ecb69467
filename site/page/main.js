// Starts the page, if this browser can run the model.

import { element } from './dom.js'
import { showError } from './errors.js'
import { loadModel, missingFeature } from './model.js'
import { start } from './start.js'
import { setState } from './state.js'

const missing = missingFeature()

if (missing) {
  setState('unsupported')
  showError(`This browser does not support ${missing}, which the model needs. Use Chrome or Edge 91, Firefox 114, Safari 16.4, or newer.`)
  element('progress-status', HTMLElement).textContent = 'This browser cannot run the model'
} else {
  const name = new URLSearchParams(location.search).get('model')
  const url = name ? `models/${encodeURIComponent(name)}.json` : document.body.dataset.model || 'models/mnist.json'
  start(url, (onProgress, signal) => loadModel(url, onProgress, signal))
}
