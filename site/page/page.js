// The page at work: settings in, runs out, and the two modes around them.

import { Controls } from './controls.js'
import { element } from './dom.js'
import { Estimate } from './estimate.js'
import { Inpaint } from './inpaint.js'
import { Likely } from './likely.js'
import { message } from './model.js'
import { Guide } from './models.js'
import { complain, hush } from './notice.js'
import { duration } from './progress.js'
import { Readout, showModel } from './readout.js'
import { paced, Runner } from './run.js'
import { callOf, classOf, formatHash, parseHash, takesCorrectorSteps } from './settings.js'

/** @import { Model, Result, StepInfo } from '../lib/tweedie.js' */
/** @import { Gallery, Sheet } from './gallery.js' */
/** @import { Ruler } from './progress.js' */
/** @import { Settings } from './settings.js' */
/** @import { Run } from './readout.js' */

// The first look: enough to see, soon enough not to wait.
const lookImages = 1
const lookSteps = 10

// What takes longer than this starts when the visitor says so.
const patience = 20_000 // ms
// Evaluations of a run that may be long, so that its time is measured before it starts.
const many = 200

/** @param {string} name of the page's state, for the style sheet and for tests */
export function state(name) {
  document.body.dataset.state = name
}

export class Page {
  /** @type {Record<string, Run | undefined>} */
  #runs = {}
  #mode = 'generate'
  #foreseen = 0 // how often the time was asked for

  #waits = false // for the visitor to begin what takes long

  /**
   * @param {Model} model
   * @param {import('./models.js').Classifier | undefined} classifier that can guide it
   * @param {Ruler} ruler
   * @param {Sheet} sheet
   */
  constructor(model, classifier, ruler, sheet) {
    this.model = model
    /** @type {import('./settings.js').Info} */
    this.info = { ...model.info, classifier }
    this.guide = new Guide(model, classifier)
    this.ruler = ruler
    this.sheet = sheet
    this.runner = new Runner()
    this.estimate = new Estimate(model)
    this.readout = new Readout(this.info)
    this.controls = new Controls(this.info, () => this.#address())
    this.inpaint = new Inpaint(this.info, {
      opened: (name) => this.#opened(name),
      wanted: () => this.#switch('inpaint'),
      edit: (i) => this.#edit('inpaint', i),
      weigh: (i) => this.#edit('inpaint', i, true),
      save: (i) => this.readout.save(i),
      tell: (text) => this.ruler.tell(text),
    })
    sheet.onEdit = (i) => this.#edit('generate', i)
    this.likely = new Likely(model, this.estimate, { picture: () => this.inpaint.easel.image, run: (...how) => this.#measure(...how) })
    sheet.onWeigh = (i) => this.#edit('generate', i, true)
    sheet.onSave = (i) => this.readout.save(i)
    showModel(this.info)
    this.#listen()
  }

  begin() {
    state('idle')
    this.#restore(true)
  }

  #listen() {
    element('controls', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault()
      this.#go()
    })
    element('cancel', HTMLButtonElement).addEventListener('click', () => this.#cancel())
    element('go', HTMLButtonElement).disabled = false
    for (const mode of ['generate', 'inpaint']) {
      element(`tab-${mode}`, HTMLButtonElement).addEventListener('click', () => this.#switch(mode))
    }
    element('tab-generate', HTMLElement).parentElement?.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
      this.#switch(this.#mode === 'generate' ? 'inpaint' : 'generate')
      element(`tab-${this.#mode}`, HTMLElement).focus()
    })
    document.addEventListener('keydown', (event) => this.#key(event))
    addEventListener('hashchange', () => this.#restore(false))
    document.querySelector('.skip')?.addEventListener('click', (event) => {
      event.preventDefault()
      element('stage', HTMLElement).focus()
    })
  }

  #key(/** @type {KeyboardEvent} */ event) {
    if (event.key === 'Escape' && this.runner.busy) this.#cancel()
    const enter = event.key === 'Enter' && !event.repeat && !event.defaultPrevented
    if (enter && (event.ctrlKey || event.metaKey || event.target === document.body)) {
      event.preventDefault()
      this.#go()
    }
  }

  /** @param {string} mode */
  #switch(mode) {
    this.#mode = mode
    this.controls.mode = mode
    document.body.dataset.mode = mode
    for (const each of ['generate', 'inpaint']) {
      const tab = element(`tab-${each}`, HTMLButtonElement)
      tab.setAttribute('aria-selected', String(each === mode))
      tab.tabIndex = each === mode ? 0 : -1
      element(each, HTMLElement).hidden = each !== mode
    }
    this.readout.show(this.#runs[mode])
    this.#address()
  }

  /** #address keeps the page's address at the settings, while they can be read. */
  #address() {
    try {
      const settings = this.controls.read()
      history.replaceState(null, '', formatHash(settings, this.info))
      this.#foresee(settings)
    } catch {
      // A field in the middle of being typed; #go names it if it stays so.
    }
  }

  /**
   * #foresee says how long a run would take, and returns it; 0 where that is not known
   * and the run is short, or its settings cannot be used, which the run itself tells.
   * @type {(settings: Settings) => Promise<number>} in ms
   */
  async #foresee(settings) {
    const asked = ++this.#foreseen
    let ms = 0, text = ''
    try {
      const repaints = settings.mode === 'inpaint'
      const call = { ...callOf(settings, this.info), n: repaints ? settings.variations : settings.n }
      await this.guide.ready(settings)
      const plan = await this.model.plan(call, repaints ? 'inpaint' : 'sample')
      if (asked === this.#foreseen) this.controls.finer.calm()
      const least = this.info.samplers.find(({ name }) => name === settings.sampler)?.adaptive
      if (this.estimate.knows(plan) || (plan.passes > many && !this.runner.busy)) {
        ms = await this.estimate.time(plan)
        text = `${least ? 'At least' : 'About'} ${duration(ms)} on this device: ${count(plan.nfe, 'evaluation')} of ${count(call.n, 'image')}.`
      }
    } catch (error) {
      if (asked === this.#foreseen) this.controls.finer.blame(error) // or told by the run
    }
    if (asked === this.#foreseen) {
      element('estimate', HTMLElement).textContent = text
      if (this.#waits) this.ruler.idle('Ready', ms > 0 ? `Generate takes about ${duration(ms)}` : '')
    }
    return ms
  }

  /** @type {(settings: Settings) => Promise<unknown>} waits for the classifier, if the settings ask for one, and shows how far it is */
  #classified(settings) {
    return this.guide.ready(settings, (loading) => this.ruler.loading(loading, 'the classifier'))
  }

  /** @type {(settings: Settings) => Promise<unknown>} false if the visitor has cancelled what #classified waits for */
  #guided(settings) {
    state('loading')
    element('cancel', HTMLButtonElement).disabled = false
    const arrived = () => this.#classified(settings).then(() => true, () => true) // a failure is told by the run
    return this.runner.run(arrived, () => {})
  }

  /**
   * #restore takes the settings from the address and runs them; those of a shared
   * experiment, /s/…, stand in the page. An address that cannot be read is told, and
   * nothing is run in its stead.
   *
   * @param {boolean} first whether the page has just come
   */
  #restore(first) {
    const hash = location.hash || `#${document.body.dataset.experiment ?? ''}`
    delete document.body.dataset.experiment
    const { settings, problems } = parseHash(hash, this.info)
    if (problems.length > 0) {
      this.runner.cancel()
      this.#settle('idle')
      complain(['page: address: found settings that cannot be used:', ...problems, 'Nothing was generated. Correct them below and press Generate.'].join('\n'))
      this.ruler.idle('Waiting for settings')
    }
    this.controls.write(settings)
    this.#switch(settings.mode)
    if (problems.length > 0) {
      history.replaceState(null, '', hash) // the visitor may want to correct it there
      return
    }
    this.controls.takeSeed()
    this.#begin(settings, first)
  }

  /** @type {(settings: Settings, first: boolean) => Promise<unknown>} */
  async #begin(settings, first) {
    if (settings.classifier_guidance > 0 && !(await this.#guided(settings))) return
    const ms = await this.#foresee({ ...settings, mode: 'generate' })
    if (first && this.runner.busy) return // the visitor was first
    if (ms > patience) {
      this.#settle('idle')
      this.#waits = true
      this.ruler.idle('Ready', `Generate takes about ${duration(ms)}`)
      return
    }
    return first ? this.#look(settings) : this.#generate(settings)
  }

  #go() {
    if (this.runner.busy) return
    hush()
    try {
      // Everything that can be wrong is read before the seed is used up.
      this.controls.read(true)
      const request = this.#mode === 'inpaint' ? this.inpaint.request() : undefined
      this.controls.takeSeed()
      const settings = this.controls.read()
      this.#address()
      this.#reveal()
      if (request) this.#repaint(settings, request)
      else this.#generate(settings)
    } catch (error) {
      complain(message(error))
    }
  }

  #cancel() {
    if (!this.runner.cancel()) return
    this.guide.stop()
    this.ruler.stop('cancelled')
    this.#settle('cancelled')
  }

  /** @param {string} to */
  #settle(to) {
    state(to)
    element('cancel', HTMLButtonElement).disabled = true
    element('go', HTMLButtonElement).setAttribute('aria-disabled', 'false')
    this.sheet.root.ariaBusy = this.inpaint.gallery.root.ariaBusy = 'false'
  }

  /** #reveal brings the images into view where the settings are above or below them. */
  #reveal() {
    const stage = element('stage', HTMLElement)
    const { top } = stage.getBoundingClientRect()
    if (top >= 0 && top < innerHeight / 2) return
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches
    stage.scrollIntoView({ behavior: calm ? 'auto' : 'smooth' })
  }

  /**
   * #look is the first run: an image in few steps, so that something is
   * seen at once; then the settings as they stand. An image does
   * not depend on how many are drawn beside it, so the second run continues the first.
   *
   * @param {Settings} settings
   */
  async #look(settings) {
    const n = Math.min(lookImages, this.info.workers, settings.n)
    const quick = { ...settings, n, steps: Math.min(lookSteps, settings.steps) }
    if (n === settings.n && quick.steps === settings.steps) return this.#generate(settings)
    const looked = await this.#generate(quick, { look: true, room: settings.n })
    return looked && this.#generate(settings, { hold: n })
  }

  /**
   * @param {Settings} settings
   * @param {{ look?: boolean, room?: number, hold?: number }} [how] look: another run
   *   follows; room: tiles of the sheet; hold: tiles that keep what they show until the end
   * @returns {Promise<boolean>} whether it came to its end
   */
  async #generate(settings, { look = false, room = settings.n, hold = 0 } = {}) {
    const label = (/** @type {number} */ i) => `image ${i + 1}${this.#className(settings, i)}`
    this.sheet.reset(this.info.shape, Array.from({ length: room }, (_, i) => label(i)), { hold })
    const doing = count(settings.n, 'image')
    return this.#run({ ...settings, mode: 'generate' }, this.sheet, { doing, look }, (calls) =>
      this.model.sample({ n: settings.n, ...callOf({ ...settings, mode: 'generate' }, this.info), ...calls }))
  }

  /**
   * @param {Settings} settings
   * @param {{ image: ImageData, mask: Uint8Array }} request
   */
  async #repaint(settings, { image, mask }) {
    const n = settings.variations
    this.inpaint.expect(n)
    return this.#run(settings, this.inpaint.gallery, { doing: count(n, 'variation'), first: 1 }, (calls) =>
      this.model.inpaint({ image, mask, n, ...callOf(settings, this.info), ...calls }))
  }

  /**
   * @param {Settings} settings
   * @param {Gallery} gallery
   * @param {{ doing: string, first?: number, look?: boolean }} how first: tile of the
   *   gallery that is the run's; look: another run follows, so this one is only shown
   * @param {(calls: { signal: AbortSignal, onStep: (step: StepInfo) => void }) => Promise<Result>} task
   * @returns {Promise<boolean>} whether it came to its end
   */
  async #run(settings, gallery, { doing, first = 0, look = false }, task) {
    this.#start(settings.steps, doing, look ? 'first look' : undefined)
    gallery.root.ariaBusy = 'true'
    const sampler = this.info.samplers.find(({ name }) => name === settings.sampler)
    const evaluations = sampler?.adaptive || takesCorrectorSteps(settings.sampler, this.info) ? 0 : sampler?.evaluations ?? 1
    const preview = paced((images) => gallery.paint(images, { first }))
    try {
      const result = await this.runner.run(async (calls) => {
        await this.#classified(settings)
        return task(calls)
      }, (step) => {
        this.ruler.step(step, evaluations)
        preview(step)
      })
      if (!result) {
        gallery.stale()
        return false
      }
      gallery.paint(result.images, { final: !look, first })
      performance.mark(look ? 'tweedie-look' : 'tweedie-images')
      if (look) return true
      this.ruler.done(result)
      this.#keep({ settings, result, columns: gallery.columns })
      this.#settle('done')
      this.#learn(settings.mode === 'inpaint' ? 'inpaint' : 'sample', result)
      return true
    } catch (error) {
      gallery.stale()
      this.#failed(error)
      this.controls.finer.blame(error)
      return false
    }
  }

  /** @type {(steps: number, doing: string, name?: string) => void} */
  #start(steps, doing, name) {
    state('running')
    this.#waits = false
    this.ruler.start(steps, doing, name)
    element('cancel', HTMLButtonElement).disabled = false
    element('go', HTMLButtonElement).setAttribute('aria-disabled', 'true')
  }

  /** @param {unknown} error */
  #failed(error) {
    this.ruler.stop('failed')
    this.#settle('failed')
    complain(message(error))
  }

  /** @type {import('./likely.js').Hooks['run']} */
  async #measure(doing, evaluations, task) {
    hush()
    this.#start(evaluations, doing)
    let loading = !this.estimate.whole
    if (loading) this.ruler.loading({ phase: 'program', bytes: 0, total: 0 })
    try {
      const found = await this.runner.run(({ signal, onStep }) => task({ signal, onProgress: /** @type {any} */ (onStep) }), ({ progress }) => {
        if (loading) this.ruler.start(evaluations, doing) // its time begins now
        loading = false
        this.ruler.step({ step: Math.floor(progress * evaluations), steps: evaluations, progress }, 0)
      })
      if (!found) return undefined
      this.ruler.finish(doing, /** @type {any} */ (found))
      this.#settle('done')
      return found
    } catch (error) {
      this.#failed(error)
    }
  }

  /** @type {(call: 'sample' | 'inpaint', result: Result) => Promise<void>} what a run took goes into the estimate */
  async #learn(call, result) {
    try {
      this.estimate.learn(await this.model.plan(result.request, call), result)
      this.#address()
    } catch {
      // The estimate stays as it was.
    }
  }

  /** @param {Run} run */
  #keep(run) {
    const { mode } = run.settings
    this.#runs[mode] = run
    if (this.#mode === mode) this.readout.show(run)
    if (mode === 'generate') {
      this.inpaint.offer(run.result.images, (i) => this.#edit('generate', i), (i) => `Edit image ${i + 1}${this.#className(run.settings, i)}`)
    }
  }

  /** @type {(settings: Settings, i: number) => string} */
  #className(settings, i) {
    const name = classOf(settings, this.info, i)
    return name && `, class ${name}`
  }

  /**
   * @param {string} mode whose run the image is of
   * @param {number} i
   * @param {boolean} [weigh] whether to ask how likely it is
   */
  #edit(mode, i, weigh = false) {
    const run = this.#runs[mode]
    const image = run?.result.images[i]
    if (!run || !image) return
    const name = classOf(run.settings, this.info, i)
    const what = mode === 'inpaint' ? 'variation' : 'image'
    this.#switch('inpaint')
    this.inpaint.take(image, `${what} ${i + 1} of seed ${run.settings.seed}${this.#className(run.settings, i)}`, name)
    if (weigh) this.likely.ask()
  }

  /** @param {string} name class of the image on the easel, '' where it is not known */
  #opened(name) {
    this.likely.opened(name)
    this.#runs.inpaint = undefined
    this.readout.show(this.#runs[this.#mode])
    this.controls.chooseClass(name)
    this.#address()
  }
}

/** @type {(n: number, noun: string) => string} */
const count = (n, noun) => `${n} ${noun}${n === 1 ? '' : 's'}`
