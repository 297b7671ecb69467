// Typed access to the elements of index.html, and new elements.

/**
 * element returns the element with this id. It throws if the page has none or it is of
 * another kind: that is a bug in index.html.
 *
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function element(id, kind) {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`page: element #${id}: got ${found?.tagName ?? 'none'}, want ${kind.name}`)
  return found
}

/**
 * make returns a new element with these properties and children.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

/**
 * icon returns a symbol of index.html's sprite.
 *
 * @param {string} name without the leading "i-"
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use')
  use.setAttribute('href', `#i-${name}`)
  svg.append(use)
  svg.setAttribute('aria-hidden', 'true')
  return svg
}

/**
 * showFacts writes a definition list, one row per pair; pairs without a value are left out.
 *
 * @param {HTMLElement} list
 * @param {[string, string | undefined][]} pairs
 */
export function showFacts(list, pairs) {
  const rows = pairs
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => make('div', {}, make('dt', { textContent: name }), make('dd', { textContent: value })))
  list.replaceChildren(...rows)
}

/**
 * scrollToTop scrolls to an element, unless its top is in the upper half of the window.
 *
 * @param {HTMLElement} element
 */
export function scrollToTop(element) {
  const { top } = element.getBoundingClientRect()
  if (top >= 0 && top < innerHeight / 2) return
  const reduced = matchMedia('(prefers-reduced-motion: reduce)').matches
  element.scrollIntoView({ behavior: reduced ? 'auto' : 'smooth' })
}
