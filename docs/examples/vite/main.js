import { load } from './tweedie/tweedie.js'

const model = await load('models/mnist.json')
const [height, width] = model.info.shape.slice(1)
const { images, sha256 } = await model.sample({ n: 4, seed: 7, class: 3, steps: 10 })
const canvas = document.querySelector('canvas')
canvas.width = images.length * width
canvas.height = height
images.forEach((image, i) => canvas.getContext('2d').putImageData(image, i * width, 0))
document.querySelector('p').textContent = sha256
model.close()
