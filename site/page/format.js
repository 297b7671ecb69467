// Numbers as text.

/**
 * duration formats milliseconds.
 *
 * @param {number} ms
 * @returns {string}
 */
export function duration(ms) {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(seconds / 60)
  return `${grouped(Math.floor(minutes / 60))} h ${minutes % 60} min`
}

/**
 * size formats a number of bytes, in powers of ten.
 *
 * @param {number} bytes
 * @returns {string}
 */
export function size(bytes) {
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(2)} MB`
}

/** @type {(n: number, noun: string) => string} a number with its noun, such as "1 image" or "4 images" */
export const count = (n, noun) => `${n} ${noun}${n === 1 ? '' : 's'}`

/** @type {(value: number) => string} digits in groups of three */
export const grouped = (value) => value.toLocaleString('en').replaceAll(',', '\u202f')

/** @type {(n: number) => string} a whole number as a subscript */
export const subscript = (n) => String(n).replace(/\d/g, (digit) => '₀₁₂₃₄₅₆₇₈₉'[Number(digit)])

/** @type {(text: string) => string} at most 40 characters of a text */
export const clip = (text) => (text.length > 40 ? text.slice(0, 40) + '…' : text)
