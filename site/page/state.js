// The state of the page: 'loading', 'idle', 'running', 'done', 'cancelled', 'failed' or
// 'unsupported'. The style sheet and tests read it from the body.

import { element } from './dom.js'

/**
 * setState sets the state and, with it, which buttons can be used.
 *
 * @param {string} state
 */
export function setState(state) {
  const running = state === 'running'
  document.body.dataset.state = state
  element('cancel', HTMLButtonElement).disabled = !running && state !== 'loading'
  element('go', HTMLButtonElement).setAttribute('aria-disabled', String(running))
  element('stage', HTMLElement).ariaBusy = String(running)
}
