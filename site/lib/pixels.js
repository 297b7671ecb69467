// @ts-check
/**
 * Converts between ImageData and the bytes of the engine.
 *
 * @import { Picture } from './tweedie.js'
 */

/**
 * @param {Uint8Array} pixels [N,H,W,C]
 * @param {[number, number, number]} shape C, H, W; C is 1 (grey), 3 or 4
 * @returns {ImageData[]}
 */
export function toImages(pixels, [channels, height, width]) {
  const size = channels * height * width
  const images = []
  for (let start = 0; start < pixels.length; start += size) {
    const image = new ImageData(width, height)
    for (let i = 0, at = start; i < image.data.length; i += 4, at += channels) {
      image.data[i] = pixels[at]
      image.data[i + 1] = pixels[channels > 1 ? at + 1 : at]
      image.data[i + 2] = pixels[channels > 1 ? at + 2 : at]
      image.data[i + 3] = channels === 4 ? pixels[at + 3] : 255
    }
    images.push(image)
  }
  return images
}

/**
 * Returns a picture as [H,W,C] bytes. Transparent pixels are composed over black; grey is
 * 0.299 R + 0.587 G + 0.114 B. Both use integer arithmetic as Go's image/color does, so
 * that the same pixels give the same bytes here and natively.
 * @param {ImageData} image
 * @param {number} channels 1, 3 or 4
 * @returns {Picture}
 */
export function toBytes({ data: rgba, width, height }, channels) {
  if (channels === 4) return { data: new Uint8Array(rgba), width, height, channels }
  const data = new Uint8Array(width * height * channels)
  for (let i = 0, at = 0; i < rgba.length; i += 4, at += channels) {
    const [r, g, b] = [0, 1, 2].map((c) => Math.floor((rgba[i + c] * 257 * rgba[i + 3]) / 255))
    if (channels === 1) data[at] = Math.floor((19595 * r + 38470 * g + 7471 * b + 32768) / 2 ** 24)
    else data.set([r >> 8, g >> 8, b >> 8], at)
  }
  return { data, width, height, channels }
}
