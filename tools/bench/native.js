// @ts-check
/**
 * ONNX Runtime in its own process: node native.js MODEL.onnx IMAGES.x BATCH THREADS, in
 * the folder with node_modules. It answers every line of standard input with a line of
 * JSON: a number of milliseconds with the milliseconds of evaluations that together take
 * at least that long, "output" with the output of an evaluation.
 */
const { createRequire } = require('node:module')
const { readFileSync } = require('node:fs')
const { createInterface } = require('node:readline')
const ort = createRequire(process.cwd() + '/')('onnxruntime-node')

const [model, images, batch, threads] = process.argv.slice(2)

async function main() {
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: +threads, interOpNumThreads: 1 })
  const shape = [+batch, ...session.inputMetadata[0].shape.slice(1)]
  const size = shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b)
  const x = new ort.Tensor('float32', new Float32Array(readFileSync(images).buffer.slice(0, 4 * size)), shape)
  const t = new ort.Tensor('float32', new Float32Array(+batch).fill(500), [+batch])
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'output') {
      console.log(JSON.stringify(Array.from((await session.run({ x, t })).y.data)))
      continue
    }
    const times = []
    const begun = performance.now()
    do {
      const start = performance.now()
      await session.run({ x, t })
      times.push(performance.now() - start)
    } while (performance.now() - begun < +line)
    console.log(JSON.stringify(times))
  }
}

main()
