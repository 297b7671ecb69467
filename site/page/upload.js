// A visitor's own picture, fitted to the size and channels of the model.

const maxBytes = 64e6
const maxSide = 1024 // before the averaging; larger ones are brought down by the browser

/**
 * decode opens a picture. It says by name what cannot be opened.
 *
 * @param {Blob} file
 * @param {string} name
 * @returns {Promise<ImageBitmap>}
 */
export async function decode(file, name) {
  if (file.type !== '' && !file.type.startsWith('image/')) throw new Error(`page: picture "${name}": found type ${file.type}, need an image`)
  if (file.size === 0 || file.size > maxBytes) throw new Error(`page: picture "${name}": found ${file.size} bytes, need 1 to ${maxBytes}`)
  try {
    return await createImageBitmap(file)
  } catch {
    throw new Error(`page: picture "${name}": this browser cannot open it, need a whole PNG, JPEG, WebP or GIF`)
  }
}

/**
 * @typedef {object} Fit
 * @property {number} width
 * @property {number} height
 * @property {boolean} grey one channel: red, green and blue become their luma
 * @property {boolean} crop fill the frame and cut what is outside; else keep the
 *   whole picture and continue the colour of its border
 * @property {boolean} [invert] exchange dark and light; undefined decides by the
 *   border, for models whose digits are light on dark
 */

/**
 * fit averages a picture down (or up) to a model's size, on white where it is
 * transparent.
 *
 * @param {ImageBitmap} picture
 * @param {Fit} options
 * @returns {{ image: ImageData, inverted: boolean }}
 */
export function fit(picture, { width, height, grey, crop, invert }) {
  const source = pixels(picture)
  const border = borderMean(source)
  const ratios = [source.width / width, source.height / height]
  const ratio = crop ? Math.min(...ratios) : Math.max(...ratios)
  const left = (source.width - ratio * width) / 2
  const top = (source.height - ratio * height) / 2
  const inverted = invert ?? (grey && luma(border) > 127)
  const image = new ImageData(width, height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let colour = average(source, left + x * ratio, top + y * ratio, ratio, border)
      if (grey) colour = Array(3).fill(luma(colour))
      if (inverted) colour = colour.map((value) => 255 - value)
      image.data.set([...colour.map(Math.round), 255], 4 * (y * width + x))
    }
  }
  return { image, inverted }
}

/** @type {(colour: number[]) => number} luma of Rec. 601, as PNG and JPEG tools take it */
const luma = ([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b

/** @type {(picture: ImageBitmap) => ImageData} */
function pixels(picture) {
  const shrink = Math.min(1, maxSide / Math.max(picture.width, picture.height))
  const width = Math.max(1, Math.round(picture.width * shrink))
  const height = Math.max(1, Math.round(picture.height * shrink))
  const canvas = Object.assign(document.createElement('canvas'), { width, height })
  const context = canvas.getContext('2d')
  if (!context) throw new Error('page: picture: found no 2D canvas, need one')
  context.fillStyle = '#fff'
  context.fillRect(0, 0, width, height)
  context.imageSmoothingQuality = 'high'
  context.drawImage(picture, 0, 0, width, height)
  return context.getImageData(0, 0, width, height)
}

/** @type {(image: ImageData) => number[]} */
function borderMean({ data, width, height }) {
  const sum = [0, 0, 0]
  let n = 0
  for (let y = 0; y < height; y++) {
    const stride = y === 0 || y === height - 1 ? 1 : Math.max(1, width - 1)
    for (let x = 0; x < width; x += stride, n++) {
      for (let c = 0; c < 3; c++) sum[c] += data[4 * (y * width + x) + c]
    }
  }
  return sum.map((value) => value / n)
}

/**
 * average is the mean colour of the square [x, x+side] × [y, y+side], pixels
 * weighed by the part of them that lies in it; outside the picture is the border's.
 *
 * @type {(image: ImageData, x: number, y: number, side: number, border: number[]) => number[]}
 */
function average({ data, width, height }, x, y, side, border) {
  const sum = [0, 0, 0]
  let inside = 0
  for (let row = Math.max(0, Math.floor(y)); row < Math.min(height, y + side); row++) {
    const tall = Math.min(row + 1, y + side) - Math.max(row, y)
    for (let column = Math.max(0, Math.floor(x)); column < Math.min(width, x + side); column++) {
      const part = tall * (Math.min(column + 1, x + side) - Math.max(column, x))
      for (let c = 0; c < 3; c++) sum[c] += part * data[4 * (row * width + column) + c]
      inside += part
    }
  }
  const outside = Math.max(0, side * side - inside)
  return sum.map((value, c) => (value + outside * border[c]) / (side * side))
}
