// @ts-check
/**
 * A pool of workers, each with a Go instance that holds the same model. Tasks
 * wait in one queue and go to whichever worker is free; workers are started when
 * the queue asks for them, so that the first one can compute while others start.
 *
 * A task that asks to be shared, of an image or a few, is computed by all workers
 * together if they are free: where the page may share memory as a team, each its
 * channels; else, or where there are only two, a guided image by two, each one
 * evaluation of the pair.
 */

import { disband, makeMemory, shares } from './team.js'

/**
 * @typedef {'channels' | 'guidance'} Share
 * @typedef {{ call: string, [argument: string]: any }} Message
 * @typedef {{ manifest: string, shards: Uint8Array[], sums: Uint8Array[] | null }} Files `sums`: SHA-256 of the shards, if the browser computes them
 * @typedef {{ step: number, steps: number, pixels?: Uint8Array }} Step
 * @typedef {(step: Step, take: () => void) => void} OnStep `take` asks for pixels with the next step
 * @typedef {{
 *   message: Message, transfer: Transferable[], onStep?: OnStep, signal?: AbortSignal, share?: Share,
 *   resolve: (value: any) => void, reject: (error: unknown) => void,
 * }} Task
 */

/** The error of a call that was cancelled. */
export function aborted() {
  return new DOMException('tweedie: the call was cancelled', 'AbortError')
}

/** One worker: calls with their answers. */
class Member {
  #worker
  #next = 1
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: unknown) => void, onStep?: OnStep }>} */
  #waiting = new Map()
  #onEnd
  /** @type {Error | null} why the worker is no more */
  #ended = null

  /** Computing, or not yet there. */
  busy = true
  /** Has the model. */
  loaded = false
  /** Follows another, and hears nothing meanwhile. */
  deaf = false
  /** @type {Member | null} whose questions it answers */
  helps = null
  /** The most bytes that members of a team exchange at once. */
  traffic = 0
  /** @type {Files | null} the classifier that it has */
  #classifier = null

  /** @param {(member: Member, error: Error) => void} onEnd called once, when the worker has crashed */
  constructor(onEnd) {
    this.#onEnd = onEnd
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'tweedie' })
    this.#worker.addEventListener('message', ({ data }) => this.#receive(data))
    this.#worker.addEventListener('error', (event) => {
      event.preventDefault()
      this.end(new Error(`tweedie: the worker stopped (${event.message || 'worker.js could not be loaded'})`))
    })
    this.#worker.addEventListener('messageerror', () => this.end(new Error('tweedie: the worker sent what cannot be read')))
  }

  /**
   * Starts the Go program and gives it the model; the answer is the model's info as JSON.
   * @param {string} build
   * @param {Promise<WebAssembly.Module>} module
   * @param {Promise<Files>} files
   */
  async start(build, module, files) {
    await this.call({ call: 'start', build, module: await module })
    const { info, traffic } = await this.call({ call: 'load', ...(await files) })
    this.traffic = traffic
    this.loaded = true
    this.busy = false
    return info
  }

  /**
   * @param {Message} message
   * @param {{ transfer?: Transferable[], onStep?: OnStep, signal?: AbortSignal }} [how]
   * @returns {Promise<any>} the worker's answer, after a cancel too
   */
  call(message, { transfer = [], onStep, signal } = {}) {
    if (this.#ended) return Promise.reject(this.#ended) // it may have crashed before it was asked
    const id = this.#next++
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, onStep }))
    this.#worker.postMessage({ id, ...message }, transfer)
    const cancel = () => this.#worker.postMessage({ cancel: id })
    signal?.addEventListener('abort', cancel)
    return answer.finally(() => signal?.removeEventListener('abort', cancel))
  }

  /** Gives it a classifier that it has not yet. @param {Files | null} files */
  async classify(files) {
    if (!files || files === this.#classifier) return
    await this.call({ call: 'classify', ...files })
    this.#classifier = files
  }

  /** @param {object} note that has no answer @param {Transferable[]} [transfer] */
  note(note, transfer = []) {
    this.#worker.postMessage(note, transfer)
  }

  /** @param {{ id: number, [field: string]: any }} data */
  #receive(data) {
    if (data.crashed) return this.end(new Error(data.crashed))
    const call = this.#waiting.get(data.id)
    if (!call) return
    if ('step' in data) {
      call.onStep?.(/** @type {Step} */ (/** @type {unknown} */ (data)), () => this.#worker.postMessage({ took: data.id }))
      return
    }
    this.#waiting.delete(data.id)
    if (!('error' in data)) call.resolve(data.value)
    else call.reject(data.name === 'AbortError' ? aborted() : new Error(data.error))
  }

  /** @param {Error} error given to every call that waits */
  end(error) {
    if (this.#ended) return
    this.#ended = error
    this.#worker.terminate()
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    this.#onEnd(this, error)
    for (const call of waiting) call.reject(error)
  }
}

/**
 * @typedef {{
 *   share: Share | MessagePort | undefined, transfer: Transferable[],
 *   end(error?: unknown): Promise<unknown>,
 * }} Help what a leader gets: `end` says that its call has ended, and returns the error that came first
 */

/** @type {Help} */
const alone = { share: undefined, transfer: [], end: async (error) => error }

/**
 * Lets helper answer leader's questions.
 * @param {Member} leader @param {Member} helper
 * @returns {Help}
 */
function pair(leader, helper) {
  const { port1, port2 } = new MessageChannel()
  helper.helps = leader
  helper.note({ help: port2 }, [port2])
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
  /** @type {Set<Member>} */
  #members = new Set()
  /** @type {Task[]} */
  #queue = []
  /** @type {Error | null} */
  #closed = null
  /** @type {{ members: Member[], memory: SharedArrayBuffer } | null} */
  #team = null
  /** @type {Files | null} what every member is to have before its next call */
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
   * @param {boolean} guided whether the image takes a pair of evaluations
   * @returns {Share | undefined}
   */
  sharing(guided) {
    if (this.#size < 2) return undefined
    const traffic = Math.max(...[...this.#members].map((member) => member.traffic))
    return shares && traffic > 0 ? 'channels' : guided ? 'guidance' : undefined
  }

  /**
   * How a call of few images is to be shared: not while workers are busy or still to
   * be started, which this begins.
   * @param {boolean} guided
   * @returns {Share | undefined}
   */
  share(guided) {
    const share = guided && this.#size === 2 ? 'guidance' : this.sharing(guided) // a pair halves all, not only what is large
    const wanted = share === 'channels' ? this.#size : share ? 2 : 0
    for (let room = wanted - this.#members.size; room > 0; room--) this.#add().catch(() => {})
    return this.#free.length > 1 && this.#queue.length === 0 ? share : undefined
  }

  /** The members that have the model and nothing to do. */
  get #free() {
    return [...this.#members].filter((member) => !member.busy)
  }

  /** Starts the first worker; the answer is the model's info as JSON. */
  start() {
    return this.#add()
  }

  /**
   * Runs a call on a worker of its own. A cancelled call rejects at once; its
   * worker takes the next task when it has stopped.
   * @param {Message} message
   * @param {{ transfer?: Transferable[], onStep?: OnStep, signal?: AbortSignal, share?: Share }} [how]
   * @returns {Promise<any>}
   */
  run(message, { transfer = [], onStep, signal, share } = {}) {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed)
      if (signal?.aborted) return reject(aborted())
      const task = { message, transfer, onStep, signal, share, resolve, reject }
      signal?.addEventListener('abort', () => {
        this.#queue = this.#queue.filter((other) => other !== task)
        reject(aborted())
      }, { once: true })
      this.#queue.push(task)
      this.#deal()
    })
  }

  /**
   * Gives the workers a classifier, unless the first finds that it is none for the model.
   * @param {Files} files
   */
  async classify(files) {
    await this.ask({ call: 'classify', ...files })
    this.#classifier = files
  }

  /**
   * Asks a short question, of a computing worker too: it answers when it yields.
   * @param {Message} message
   * @param {{ signal?: AbortSignal }} [how]
   */
  async ask(message, how) {
    const members = [...this.#members].filter((member) => member.loaded && !member.deaf)
    const member = members.find((other) => !other.busy) ?? members[0]
    if (!member) return this.run(message, how)
    await member.classify(this.#classifier)
    return member.call(message)
  }

  /** Ends every worker; calls that wait, and later ones, reject. */
  close() {
    this.#closed = new Error('tweedie: the model is closed')
    for (const member of [...this.#members]) member.end(this.#closed)
    for (const task of this.#queue.splice(0)) task.reject(this.#closed)
  }

  /** Gives waiting tasks to free workers, and starts workers for the rest. */
  #deal() {
    while (this.#free.length > 0) {
      const task = this.#queue.shift()
      if (!task) return
      const most = this.#queue.length > 0 || !task.share ? 1 : task.share === 'guidance' ? 2 : Infinity
      this.#give(this.#free.slice(0, most), task)
    }
    const starting = [...this.#members].filter((member) => !member.loaded).length
    const room = this.#size - this.#members.size
    const wanted = Math.min(this.#queue.length - starting, room)
    for (let i = 0; i < wanted; i++) this.#add().catch(() => {})
  }

  /**
   * Gives a task to the first of some free members, whom the others help.
   * @param {Member[]} members
   * @param {Task} task
   */
  async #give(members, task) {
    const { message, transfer, onStep, signal, resolve, reject } = task
    const [leader, ...others] = members
    const help = others.length === 0 ? alone : task.share === 'channels' ? this.#assemble(members) : pair(leader, others[0])
    for (const member of members) member.busy = true
    let settle
    try {
      await leader.classify(this.#classifier)
      const value = await leader.call({ ...message, share: help.share }, { transfer: [...transfer, ...help.transfer], onStep, signal })
      settle = () => resolve(value)
      await help.end()
    } catch (error) {
      const first = await help.end(error)
      settle = () => reject(first)
    }
    for (const member of members) member.busy = !member.loaded
    settle()
    this.#deal()
  }

  /**
   * Makes a team of members, and lets all but the first follow it.
   * @param {Member[]} members
   * @returns {Help}
   */
  #assemble(members) {
    const [leader, ...others] = members
    const size = members.length
    const old = this.#team
    const team = old?.members.length === size && members.every((member, i) => member === old.members[i])
      ? old : { members, memory: makeMemory(leader.traffic) }
    const { memory } = team
    /** @type {unknown} */
    let first
    const lose = (/** @type {unknown} */ error) => {
      first ??= error
      if (this.#team === team) this.#team = null
      disband(memory)
    }
    if (team !== old) members.forEach((member, rank) => member.call({ call: 'join', rank, size, memory }).catch(lose))
    this.#team = team
    const following = others.map(async (member) => {
      member.deaf = true
      await member.call({ call: 'follow' }).catch(lose)
      member.deaf = false
    })
    return {
      share: 'channels',
      transfer: [],
      async end(error) {
        if (error) lose(error)
        await Promise.all(following)
        return first
      },
    }
  }

  /**
   * Starts a worker. When one cannot be had, for memory say, the pool goes on
   * with those it has; when it has none, the calls that wait reject.
   */
  async #add() {
    const member = new Member((ended, error) => this.#lost(ended, error))
    this.#members.add(member)
    try {
      const info = await member.start(this.#build, this.#module, this.#files)
      this.#deal()
      return info
    } catch (error) {
      if (this.#members.has(member)) member.end(/** @type {Error} */ (error))
      throw error
    }
  }

  /** @param {Member} member @param {Error} error */
  #lost(member, error) {
    const { loaded } = member
    member.busy = true
    member.loaded = false
    member.helps?.note({ alone: error.message })
    this.#members.delete(member)
    if (this.#closed) return
    if (loaded) this.#deal()
    else if (this.#members.size > 0) this.#size = this.#members.size
    else for (const task of this.#queue.splice(0)) task.reject(error)
  }
}
