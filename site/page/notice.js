// The page's one place for what went wrong.

import { element } from './dom.js'

/**
 * complain shows one message, read out at once, until it is dismissed or the
 * next run begins.
 *
 * @param {string} text
 * @param {() => void} [retry] shows a button that hides the message and calls this
 */
export function complain(text, retry) {
  const button = element('notice-retry', HTMLButtonElement)
  button.hidden = !retry
  button.onclick = () => {
    hush()
    retry?.()
  }
  element('notice-close', HTMLButtonElement).onclick = hush
  const notice = element('notice', HTMLElement)
  notice.hidden = false
  element('notice-text', HTMLElement).textContent = text
  if (notice.getBoundingClientRect().top < 0) notice.scrollIntoView({ block: 'start' })
}

/** hush takes the message away. */
export function hush() {
  element('notice', HTMLElement).hidden = true
  element('notice-text', HTMLElement).textContent = ''
}
