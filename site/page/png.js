// PNG files, written without a canvas: some browsers add noise to what a canvas returns.

import { crc32 } from './crc32.js'

/**
 * sheet returns a PNG file of images in rows without gaps, each at a multiple of its size.
 * The layout is that of the PNG specification (third edition), sections 5 and 11.
 *
 * @param {ImageData[]} images of one size, at least one
 * @param {number} scale
 * @param {number} columns
 * @returns {Promise<Blob>}
 */
export async function sheet(images, scale, columns) {
  const { width, height } = images[0]
  const rows = Math.ceil(images.length / columns)
  const opaque = images.every(({ data }) => data.every((value, i) => i % 4 !== 3 || value === 255)) && images.length === rows * columns
  const grey = opaque && images.every(({ data }) => data.every((value, i) => i % 4 === 3 || value === data[i - (i % 4)]))
  const channels = grey ? 1 : opaque ? 3 : 4
  const size = { width: width * columns * scale, height: height * rows * scale }
  const stride = 1 + size.width * channels // a line begins with its filter, 0
  const lines = new Uint8Array(stride * size.height)
  images.forEach(({ data }, i) => {
    const left = (i % columns) * width * scale
    const top = Math.floor(i / columns) * height * scale
    for (let y = 0; y < height * scale; y++) {
      let at = (top + y) * stride + 1 + left * channels
      const line = Math.floor(y / scale) * width
      for (let x = 0; x < width * scale; x++) {
        const from = 4 * (line + Math.floor(x / scale))
        for (let c = 0; c < channels; c++) lines[at++] = data[from + c]
      }
    }
  })
  const header = new DataView(new ArrayBuffer(13))
  header.setUint32(0, size.width)
  header.setUint32(4, size.height)
  header.setUint8(8, 8) // bits
  header.setUint8(9, { 1: 0, 3: 2, 4: 6 }[channels])
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)
  const parts = [signature, chunk('IHDR', new Uint8Array(header.buffer)), chunk('IDAT', await deflate(lines)), chunk('IEND', new Uint8Array())]
  return new Blob(parts, { type: 'image/png' })
}

/**
 * png returns a PNG file of an image at a multiple of its size.
 *
 * @param {ImageData} image
 * @param {number} scale
 * @returns {Promise<Blob>}
 */
export function png(image, scale) {
  return sheet([image], scale, 1)
}

/**
 * @param {string} name
 * @param {Uint8Array} data
 * @returns {Uint8Array<ArrayBuffer>} the chunk with its length and sum
 */
function chunk(name, data) {
  const bytes = new Uint8Array(12 + data.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, data.length)
  bytes.set(new TextEncoder().encode(name), 4)
  bytes.set(data, 8)
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)))
  return bytes
}

/**
 * @param {Uint8Array<ArrayBuffer>} data
 * @returns {Promise<Uint8Array>} data compressed as zlib does
 */
async function deflate(data) {
  const stream = new Blob([data]).stream().pipeThrough(new CompressionStream('deflate'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}
