// The banner at the top of the page for errors.

import { element } from './dom.js'

/**
 * showError shows a message, which screen readers read at once, until it is dismissed or
 * the next run begins.
 *
 * @param {string} text
 * @param {() => void} [retry] shows a button that hides the message and calls this
 */
export function showError(text, retry) {
  const button = element('error-retry', HTMLButtonElement)
  button.hidden = !retry
  button.onclick = () => {
    hideError()
    retry?.()
  }
  element('error-close', HTMLButtonElement).onclick = hideError
  const banner = element('error-banner', HTMLElement)
  banner.hidden = false
  element('error-text', HTMLElement).textContent = text
  if (banner.getBoundingClientRect().top < 0) banner.scrollIntoView({ block: 'start' })
}

/** hideError hides the message. */
export function hideError() {
  element('error-banner', HTMLElement).hidden = true
  element('error-text', HTMLElement).textContent = ''
}

/**
 * messageOf returns the message of whatever was thrown.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error)
}
