// A visitor's own picture file.

import { grouped } from './format.js'

const maxBytes = 64e6

/**
 * checkFile throws an error that names the file if it cannot be a picture that the page opens.
 *
 * @param {Blob} file
 * @param {string} name
 */
export function checkFile(file, name) {
  if (file.type === 'image/svg+xml' || (file.type !== '' && !file.type.startsWith('image/'))) throw new Error(`"${name}" is not a PNG, JPEG, GIF, WebP or BMP file: its type is ${file.type}`)
  if (file.size === 0) throw new Error(`"${name}" is empty`)
  if (file.size > maxBytes) throw new Error(`"${name}" has ${grouped(file.size)} bytes: the largest file that the page opens has ${grouped(maxBytes)}`)
}

/**
 * isFlat reports whether all pixels of an image have one colour.
 *
 * @param {ImageData} image
 * @returns {boolean}
 */
export function isFlat({ data }) {
  return data.every((value, i) => value === data[i % 4])
}
