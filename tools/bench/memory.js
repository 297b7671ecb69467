// @ts-check
/**
 * Measures the wasm memory of this page or worker, and responds to 'measure' on the
 * channel with its size in bytes: that of every memory that was created here or belongs
 * to an instance created here. A memory never shrinks, so its size is its peak. A memory
 * from another worker is not counted again.
 */

/** @type {Set<WebAssembly.Memory>} */
const memories = new Set()
const { instantiate, instantiateStreaming, Memory } = WebAssembly

/** @param {any} result of instantiate @param {any} imports */
function found(result, imports) {
  const given = Object.values(imports ?? {}).flatMap((module) => Object.values(module))
  for (const value of Object.values((result.instance ?? result).exports)) {
    if (value instanceof Memory && !given.includes(value)) memories.add(value)
  }
  return result
}

Object.assign(WebAssembly, {
  /** @param {any} source @param {any} imports */
  instantiate: async (source, imports) => found(await instantiate(source, imports), imports),
  /** @param {any} source @param {any} imports */
  instantiateStreaming: async (source, imports) => found(await instantiateStreaming(source, imports), imports),
  Memory: new Proxy(Memory, {
    construct(target, args) {
      const memory = Reflect.construct(target, args)
      memories.add(memory)
      return memory
    },
  }),
})

const channel = new BroadcastChannel('memory')
const bytes = () => [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0)
channel.addEventListener('message', ({ data }) => {
  if (data === 'measure') channel.postMessage(bytes())
})

/** @returns {Promise<number>} the bytes here and in every worker that measures memory */
export function measure() {
  return new Promise((resolve) => {
    let sum = bytes()
    const listen = new BroadcastChannel('memory')
    listen.addEventListener('message', ({ data }) => {
      if (typeof data === 'number') sum += data
    })
    listen.postMessage('measure')
    setTimeout(() => {
      listen.close()
      resolve(sum)
    }, 1000)
  })
}
