// @ts-check
/**
 * Both sides in one page. A side evaluates a batch of a network once. Loading and
 * preparing the inputs are not measured.
 *
 * @typedef {{ run(): Promise<Float32Array | void>, evaluations: number, last: number }} Side
 */

/** @param {string} model @param {number} batch @param {number} row numbers of an image */
async function inputs(model, batch, row) {
  const all = await (await fetch(`/work/${model}.x`)).arrayBuffer()
  return { x: new Float32Array(all, 0, batch * row), t: new Float32Array(batch).fill(500) }
}

/**
 * Tweedie's module evaluating the bare network.
 * @param {string} file @param {string} model @param {number} batch @param {number} workers
 * @returns {Promise<Side>}
 */
export async function forward(file, model, batch, workers) {
  const { load } = await import('/dist/tweedie.js')
  const net = await load(`/dist/models/${file}.json`, { workers })
  const [c, h, w] = net.info.shape
  const { x, t } = await inputs(model, batch, c * h * w)
  return { run: () => net.forward(x, t), evaluations: 1, last: 0 }
}

/**
 * Tweedie's module drawing images: forward with a sampler.
 * @param {string} file @param {string} _model @param {number} batch @param {number} workers
 * @returns {Promise<Side>}
 */
export async function sample(file, _model, batch, workers) {
  const { load } = await import('/dist/tweedie.js')
  const net = await load(`/dist/models/${file}.json`, { workers })
  const side = { run: async () => void await net.sample({ n: batch, steps: 2, sampler: 'ddim', seed: 1 }), evaluations: 2, last: 0 }
  return side
}

/**
 * ONNX Runtime Web with wasm. The number of threads applies to the whole page.
 * @param {string} file @param {string} model @param {number} batch @param {number} threads
 * @returns {Promise<Side>}
 */
export async function ort(file, model, batch, threads) {
  const ort = await import('/node_modules/onnxruntime-web/dist/ort.wasm.min.mjs')
  ort.env.wasm.numThreads = threads
  ort.env.wasm.wasmPaths = '/node_modules/onnxruntime-web/dist/'
  const session = await ort.InferenceSession.create(`/work/${file}-${batch}.onnx`, { executionProviders: ['wasm'], graphOptimizationLevel: 'all' })
  const shape = [batch, ...session.inputMetadata[0].shape.slice(1)]
  const numbers = await inputs(model, batch, shape.slice(1).reduce((a, b) => a * b))
  const x = new ort.Tensor('float32', numbers.x, shape)
  const t = new ort.Tensor('float32', numbers.t, [batch])
  return { run: async () => (await session.run({ x, t })).y.data, evaluations: 1, last: 0 }
}

/**
 * Evaluates for at least the given milliseconds and returns those of each evaluation.
 * A first evaluation is not counted, unless it alone would take that long.
 * @param {Side} side @param {number} least
 */
export async function turn(side, least) {
  if (side.last < least) await side.run()
  const times = []
  const begun = performance.now()
  do {
    const start = performance.now()
    await side.run()
    side.last = performance.now() - start
    times.push(side.last / side.evaluations)
  } while (performance.now() - begun < least)
  return times
}

/**
 * Profiles the evaluation of a model, with the Go program of tools/bench/wasm.
 * @param {string} model
 * @returns {Promise<string>} the report as JSON
 */
export async function profile(model) {
  const scope = /** @type {any} */ (globalThis)
  const url = `/dist/models/${model}.json`
  const manifest = await (await fetch(url)).text()
  const shards = await Promise.all(JSON.parse(manifest).shards.map(async (/** @type {{ file: string }} */ { file }) =>
    new Uint8Array(await (await fetch(`/dist/models/${file}`)).arrayBuffer())))
  await import('/work/wasm_exec.js')
  const go = new scope.Go()
  const { instance } = await WebAssembly.instantiateStreaming(fetch('/work/profile.wasm'), go.importObject)
  return new Promise((resolve, reject) => {
    scope.bench = { manifest, shards, done: resolve, failed: (/** @type {string} */ text) => reject(new Error(text)) }
    go.run(instance)
  })
}
