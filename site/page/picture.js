// A visitor's own picture, decoded to pixels.

import { grouped } from './format.js'

const maxBytes = 64e6
const maxPixels = 2 ** 24 // larger pictures are scaled down by the browser first

/**
 * decode opens a picture. The error names the file and says what can be opened.
 *
 * @param {Blob} file
 * @param {string} name
 * @returns {Promise<ImageData>}
 */
export async function decode(file, name) {
  if (file.type !== '' && !file.type.startsWith('image/')) throw new Error(`"${name}" is not an image: its type is ${file.type}`)
  if (file.size === 0) throw new Error(`"${name}" is empty`)
  if (file.size > maxBytes) throw new Error(`"${name}" has ${grouped(file.size)} bytes: the largest file that the page opens has ${grouped(maxBytes)}`)
  let bitmap
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' }) // the stored values
  } catch {
    throw new Error(`This browser cannot open "${name}": it must be a complete PNG, JPEG, WebP or GIF file`)
  }
  try {
    return pixelsOf(bitmap)
  } finally {
    bitmap.close()
  }
}

/** @type {(bitmap: ImageBitmap) => ImageData} */
function pixelsOf(bitmap) {
  const scale = Math.min(1, Math.sqrt(maxPixels / (bitmap.width * bitmap.height)))
  const width = Math.max(1, Math.floor(bitmap.width * scale))
  const height = Math.max(1, Math.floor(bitmap.height * scale))
  const canvas = Object.assign(document.createElement('canvas'), { width, height })
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (!context) throw new Error('page: this browser provides no 2D canvas')
  context.imageSmoothingQuality = 'high'
  context.drawImage(bitmap, 0, 0, width, height)
  return context.getImageData(0, 0, width, height)
}
