// The tabs of the two modes.

import { element } from './dom.js'

export const modes = ['generate', 'inpaint']

/**
 * listenTabs calls onSelect with the mode whose tab is chosen.
 *
 * @param {(mode: string) => void} onSelect
 */
export function listenTabs(onSelect) {
  for (const mode of modes) element(`tab-${mode}`, HTMLElement).addEventListener('click', () => onSelect(mode))
  element('tabs', HTMLElement).addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
    const other = modes.find((mode) => mode !== document.body.dataset.mode) ?? modes[0]
    onSelect(other)
    element(`tab-${other}`, HTMLElement).focus()
  })
}

/**
 * showTab shows the panel of a mode.
 *
 * @param {string} mode
 */
export function showTab(mode) {
  document.body.dataset.mode = mode
  for (const each of modes) {
    const tab = element(`tab-${each}`, HTMLElement)
    tab.setAttribute('aria-selected', String(each === mode))
    tab.tabIndex = each === mode ? 0 : -1
    element(each, HTMLElement).hidden = each !== mode
  }
}
