// @ts-check
/**
 * A pool of workers, each with a Go instance that holds the same model. Tasks wait in one
 * queue and go to the next idle worker. Workers start when the queue needs them, so that
 * the first can compute while others start.
 *
 * A task of one or a few images can be shared by all workers that are idle: tensor
 * parallel where the page may share memory (each worker computes its channels of every
 * large layer); else, or with only two workers, by guidance (each computes one evaluation
 * of a guided pair).
 */

import { withField } from './errors.js'
import { breakBarrier, canShareMemory, makeMemory } from './tensorparallel.js'

/**
 * @typedef {'channels' | 'guidance'} Share
 * @typedef {{ call: string, [argument: string]: any }} Message
 * @typedef {{ manifest: string, shards: Uint8Array[], sums: Uint8Array[] | null }} Files `sums`: SHA-256 of the shards, if the browser can compute it
 * @typedef {{ step: number, steps: number, pixels?: Uint8Array }} Step
 * @typedef {(step: Step, requestPixels: () => void) => void} OnStep `requestPixels` asks for pixels with the next step
 * @typedef {{
 *   message: Message, transfer: Transferable[], onStep?: OnStep, signal?: AbortSignal, share?: Share,
 *   resolve: (value: any) => void, reject: (error: unknown) => void,
 * }} Task
 */

/** The error of a cancelled call. */
export function abortError() {
  return new DOMException('tweedie: the call was cancelled', 'AbortError')
}

/** The address of a script that imports worker.js from another origin, '' while there is none. */
let importer = ''

/**
 * Starts worker.js. Browsers start workers of the page's own origin only: where the module
 * comes from another one, a script of the page's imports it.
 */
function startWorker() {
  const { origin, href } = new URL('./worker.js', import.meta.url)
  if (origin === self.origin) return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'tweedie' }) // in words that bundlers know
  importer ||= URL.createObjectURL(new Blob([`import ${JSON.stringify(href)}`], { type: 'text/javascript' }))
  return new Worker(importer, { type: 'module', name: 'tweedie' })
}

/** One worker with its pending calls. */
export class PoolWorker {
  #worker
  #nextId = 1
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: unknown) => void, onStep?: OnStep }>} */
  #pending = new Map()
  #onEnd
  /** @type {Error | null} why the worker has ended */
  #ended = null

  /** Computing, or not started yet. */
  busy = true
  /** Has loaded the model. */
  loaded = false
  /** Follows another worker and does not answer messages meanwhile. */
  following = false
  /** @type {PoolWorker | null} the worker whose guidance evaluations it computes */
  helps = null
  /** The most bytes that tensor-parallel workers exchange at once. */
  exchange = 0
  /** @type {Files | null} the classifier that it has loaded */
  #classifier = null

  /** @param {(worker: PoolWorker, error: Error) => void} onEnd called once, when the worker has ended */
  constructor(onEnd) {
    this.#onEnd = onEnd
    this.#worker = startWorker()
    this.#worker.addEventListener('message', ({ data }) => this.#receive(data))
    this.#worker.addEventListener('error', (event) => {
      event.preventDefault()
      this.end(new Error(`tweedie: the worker stopped (${event.message || 'worker.js could not be loaded'})`))
    })
    this.#worker.addEventListener('messageerror', () => this.end(new Error('tweedie: the worker sent a message that cannot be read')))
  }

  /**
   * Starts the Go program and loads the model. Returns the model's info as JSON.
   * @param {string} build
   * @param {Promise<WebAssembly.Module>} module
   * @param {Promise<Files>} files
   */
  async start(build, module, files) {
    await this.call({ call: 'start', build, module: await module })
    const { info, traffic } = await this.call({ call: 'load', ...(await files) })
    this.exchange = traffic
    this.loaded = true
    this.busy = false
    return info
  }

  /**
   * @param {Message} message
   * @param {{ transfer?: Transferable[], onStep?: OnStep, signal?: AbortSignal }} [how]
   * @returns {Promise<any>} the worker's answer, also after a cancel
   */
  call(message, { transfer = [], onStep, signal } = {}) {
    if (this.#ended) return Promise.reject(this.#ended)
    const id = this.#nextId++
    const answer = new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject, onStep }))
    this.#worker.postMessage({ id, ...message }, transfer)
    const cancel = () => this.#worker.postMessage({ cancel: id })
    signal?.addEventListener('abort', cancel)
    return answer.finally(() => signal?.removeEventListener('abort', cancel))
  }

  /** Loads a classifier, unless it is loaded already. @param {Files | null} files */
  async setClassifier(files) {
    if (!files || files === this.#classifier) return
    await this.call({ call: 'setClassifier', ...files })
    this.#classifier = files
  }

  /** @param {object} message that has no answer @param {Transferable[]} [transfer] */
  notify(message, transfer = []) {
    this.#worker.postMessage(message, transfer)
  }

  /** @param {{ id: number, [field: string]: any }} data */
  #receive(data) {
    if (data.crashed) return this.end(new Error(data.crashed))
    const call = this.#pending.get(data.id)
    if (!call) return
    if ('step' in data) {
      call.onStep?.(/** @type {Step} */ (/** @type {unknown} */ (data)), () => this.#worker.postMessage({ requestPixels: data.id }))
      return
    }
    this.#pending.delete(data.id)
    if (!('error' in data)) call.resolve(data.value)
    else if (data.name === 'AbortError') call.reject(abortError())
    else call.reject(data.field ? withField(new Error(data.error), data.field) : new Error(data.error))
  }

  /** @param {Error} error of every pending and later call */
  end(error) {
    if (this.#ended) return
    this.#ended = error
    this.#worker.terminate()
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    this.#onEnd(this, error)
    for (const call of pending) call.reject(error)
  }
}

/**
 * @typedef {{
 *   share: Share | MessagePort | undefined, transfer: Transferable[],
 *   end(error?: unknown): Promise<unknown>,
 * }} Group how the leader of a shared task reaches the others; `end` releases them after
 *   the leader's call and returns the error that came first
 */

/** @type {Group} */
const alone = { share: undefined, transfer: [], end: async (error) => error }

/**
 * Lets helper compute one evaluation of each guided pair of leader.
 * @param {PoolWorker} leader @param {PoolWorker} helper
 * @returns {Group}
 */
function pairByGuidance(leader, helper) {
  const { port1, port2 } = new MessageChannel()
  helper.helps = leader
  helper.notify({ help: port2 }, [port2])
  return {
    share: port1,
    transfer: [port1],
    async end(error) {
      helper.helps = null
      return error
    },
  }
}

export class Pool {
  #build
  #module
  #files
  #size
  /** @type {Set<PoolWorker>} */
  #workers = new Set()
  /** @type {Task[]} */
  #queue = []
  /** @type {Error | null} */
  #closed = null
  /** @type {{ workers: PoolWorker[], memory: SharedArrayBuffer } | null} the last tensor-parallel group */
  #group = null
  /** @type {Files | null} loaded by every worker before its next call */
  #classifier = null

  /**
   * @param {number} size the most workers
   * @param {string} build
   * @param {Promise<WebAssembly.Module>} module
   * @param {Promise<Files>} files
   */
  constructor(size, build, module, files) {
    this.#size = size
    this.#build = build
    this.#module = module
    this.#files = files
  }

  get size() {
    return this.#size
  }

  /**
   * How workers can compute one image together, once the first has started.
   * @param {boolean} guided whether an image takes pairs of evaluations
   * @returns {Share | undefined}
   */
  sharing(guided) {
    if (this.#size < 2) return undefined
    const exchange = Math.max(...[...this.#workers].map((worker) => worker.exchange))
    return canShareMemory && exchange > 0 ? 'channels' : guided ? 'guidance' : undefined
  }

  /**
   * How to share a call of a few images now. While workers are busy or still starting it
   * is not shared; workers that are missing are started.
   * @param {boolean} guided
   * @returns {Share | undefined}
   */
  share(guided) {
    const share = guided && this.#size === 2 ? 'guidance' : this.sharing(guided) // a pair splits all work, not only large layers
    const wanted = share === 'channels' ? this.#size : share ? 2 : 0
    for (let missing = wanted - this.#workers.size; missing > 0; missing--) this.#add().catch(() => {})
    return this.#idle.length > 1 && this.#queue.length === 0 ? share : undefined
  }

  /** The workers that have the model and nothing to do. */
  get #idle() {
    return [...this.#workers].filter((worker) => !worker.busy)
  }

  /** Starts the first worker. Returns the model's info as JSON. */
  start() {
    return this.#add()
  }

  /**
   * Runs a call on one worker, or a group. A cancelled call rejects at once; its worker
   * takes the next task when it has stopped.
   * @param {Message} message
   * @param {{ transfer?: Transferable[], onStep?: OnStep, signal?: AbortSignal, share?: Share }} [how]
   * @returns {Promise<any>}
   */
  run(message, { transfer = [], onStep, signal, share } = {}) {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed)
      if (signal?.aborted) return reject(abortError())
      const task = { message, transfer, onStep, signal, share, resolve, reject }
      signal?.addEventListener('abort', () => {
        this.#queue = this.#queue.filter((other) => other !== task)
        reject(abortError())
      }, { once: true })
      this.#queue.push(task)
      this.#dispatch()
    })
  }

  /**
   * Sets the classifier of all workers. It rejects, without effect, if the classifier does
   * not fit the model.
   * @param {Files} files
   */
  async setClassifier(files) {
    await this.ask({ call: 'setClassifier', ...files })
    this.#classifier = files
  }

  /**
   * Runs a short call, if need be on a worker that is computing: it answers when it yields.
   * @param {Message} message
   * @param {{ signal?: AbortSignal }} [how]
   */
  async ask(message, how) {
    const workers = [...this.#workers].filter((worker) => worker.loaded && !worker.following)
    const worker = workers.find((other) => !other.busy) ?? workers[0]
    if (!worker) return this.run(message, how)
    await worker.setClassifier(this.#classifier)
    return worker.call(message)
  }

  /** Ends every worker; pending and later calls reject. */
  close() {
    this.#closed = new Error('tweedie: the model is closed')
    for (const worker of [...this.#workers]) worker.end(this.#closed)
    for (const task of this.#queue.splice(0)) task.reject(this.#closed)
  }

  /** Assigns queued tasks to idle workers, and starts workers for the rest. */
  #dispatch() {
    while (this.#idle.length > 0) {
      const task = this.#queue.shift()
      if (!task) return
      const most = this.#queue.length > 0 || !task.share ? 1 : task.share === 'guidance' ? 2 : Infinity
      this.#assign(task, this.#idle.slice(0, most))
    }
    const starting = [...this.#workers].filter((worker) => !worker.loaded).length
    const wanted = Math.min(this.#queue.length - starting, this.#size - this.#workers.size)
    for (let i = 0; i < wanted; i++) this.#add().catch(() => {})
  }

  /**
   * Runs a task on the first of some idle workers, with the others as its group.
   * @param {Task} task
   * @param {PoolWorker[]} workers
   */
  async #assign(task, workers) {
    const { message, transfer, onStep, signal, resolve, reject } = task
    const [leader, ...others] = workers
    const group = others.length === 0 ? alone : task.share === 'channels' ? this.#formGroup(workers) : pairByGuidance(leader, others[0])
    for (const worker of workers) worker.busy = true
    let settle
    try {
      await leader.setClassifier(this.#classifier)
      const value = await leader.call({ ...message, share: group.share }, { transfer: [...transfer, ...group.transfer], onStep, signal })
      settle = () => resolve(value)
      await group.end()
    } catch (error) {
      const first = await group.end(error)
      settle = () => reject(first)
    }
    for (const worker of workers) worker.busy = !worker.loaded
    settle()
    this.#dispatch()
  }

  /**
   * Forms a tensor-parallel group, in which all but the first worker follow it.
   * @param {PoolWorker[]} workers
   * @returns {Group}
   */
  #formGroup(workers) {
    const [leader, ...others] = workers
    const size = workers.length
    const last = this.#group
    const group = last?.workers.length === size && workers.every((worker, i) => worker === last.workers[i])
      ? last : { workers, memory: makeMemory(leader.exchange) }
    const { memory } = group
    /** @type {unknown} */
    let first
    const fail = (/** @type {unknown} */ error) => {
      first ??= error
      if (this.#group === group) this.#group = null
      breakBarrier(memory)
    }
    if (group !== last) workers.forEach((worker, rank) => worker.call({ call: 'join', rank, size, memory }).catch(fail))
    this.#group = group
    const following = others.map(async (worker) => {
      worker.following = true
      await worker.call({ call: 'follow' }).catch(fail)
      worker.following = false
    })
    return {
      share: 'channels',
      transfer: [],
      async end(error) {
        if (error) fail(error)
        await Promise.all(following)
        return first
      },
    }
  }

  /**
   * Starts a worker. If it cannot start, for lack of memory say, the pool continues with
   * the workers that it has; if it has none, the queued calls reject.
   */
  async #add() {
    const worker = new PoolWorker((ended, error) => this.#remove(ended, error))
    this.#workers.add(worker)
    try {
      const info = await worker.start(this.#build, this.#module, this.#files)
      this.#dispatch()
      return info
    } catch (error) {
      if (this.#workers.has(worker)) worker.end(/** @type {Error} */ (error))
      throw error
    }
  }

  /** @param {PoolWorker} worker that has ended @param {Error} error */
  #remove(worker, error) {
    const { loaded } = worker
    worker.busy = true
    worker.loaded = false
    worker.helps?.notify({ helperLost: error.message })
    this.#workers.delete(worker)
    if (this.#closed) return
    if (loaded) this.#dispatch()
    else if (this.#workers.size > 0) this.#size = this.#workers.size
    else for (const task of this.#queue.splice(0)) task.reject(error)
  }
}
