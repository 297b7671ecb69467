// The page at work: it reads the settings, runs the model and shows the results, in two
// modes: generate and inpaint.

import { Controls } from './controls.js'
import { element, scrollToTop } from './dom.js'
import { hideError, messageOf, showError } from './errors.js'
import { Estimate } from './estimate.js'
import { count, duration } from './format.js'
import { InpaintPanel } from './inpaint.js'
import { LikelihoodPanel } from './likelihood.js'
import { formatHash, parseHash } from './links.js'
import { ClassifierLoader } from './models.js'
import { Planner } from './planner.js'
import { Results, showModel } from './results.js'
import { Runner, throttled } from './run.js'
import { callOf, classOf, hasCorrector, samplerOf, shapeOf } from './settings.js'
import { setState } from './state.js'
import { listenTabs, showTab } from './tabs.js'

/** @import { Model, Result, StepInfo } from '../lib/tweedie.js' */
/** @import { Gallery } from './gallery.js' */
/** @import { ProgressBar } from './progress.js' */
/** @import { Settings } from './settings.js' */
/** @import { Run } from './results.js' */
/** @typedef {'generate' | 'inpaint'} Mode */

// The preview run after loading: few images and steps, so that something is visible soon.
const previewImages = 1
const previewSteps = 10

// A longer run does not start by itself.
const maxAutomatic = 20_000 // ms
// A run of more evaluations gets an estimate of its time before it starts.
const manyPasses = 200

export class Page {
  /** @type {Record<string, Run | undefined>} the last run of each mode */
  #runs = {}
  #mode = 'generate'
  #running = 'generate' // the mode of the last run that began
  #estimates = 0 // number of estimates begun: only the last is shown
  #isReady = false // a long run waits for the visitor to start it

  /**
   * @param {Model} model
   * @param {import('./models.js').Classifier | undefined} classifier that can guide it
   * @param {ProgressBar} progress
   * @param {Gallery} sheet the generated images
   */
  constructor(model, classifier, progress, sheet) {
    this.model = model
    /** @type {import('./settings.js').Info} */
    this.info = { ...model.info, classifier }
    this.classifier = new ClassifierLoader(model, classifier)
    this.progress = progress
    this.sheet = sheet
    this.runner = new Runner()
    this.estimate = new Estimate(model)
    this.planner = new Planner(model, this.info, (settings) => this.classifier.ready(settings))
    this.results = new Results(this.info)
    this.controls = new Controls(this.info, () => this.#updateAddress())
    this.inpaint = new InpaintPanel(model, {
      opening: () => this.#imageOpening(),
      opened: (name) => this.#imageOpened(name),
      openPanel: () => this.#setMode('inpaint'),
      edit: (i) => this.#edit('inpaint', i),
      likelihood: (i) => this.#showLikelihood('inpaint', i),
      save: (i) => this.results.save(i),
      announce: (text) => this.progress.announce(text),
    })
    this.likelihood = new LikelihoodPanel(model, this.estimate, { image: () => this.inpaint.editor.image, run: (...how) => this.#runLikelihood(...how) })
    sheet.actions = {
      edit: (i) => this.#edit('generate', i),
      likelihood: (i) => this.#showLikelihood('generate', i),
      save: (i) => this.results.save(i),
    }
    showModel(this.info)
    this.#listen()
  }

  begin() {
    setState('idle')
    this.#readAddress(true)
  }

  #listen() {
    element('controls', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault()
      this.#start()
    })
    element('cancel', HTMLButtonElement).addEventListener('click', () => this.#cancel())
    element('go', HTMLButtonElement).disabled = false
    listenTabs((mode) => this.#setMode(mode))
    document.addEventListener('keydown', (event) => this.#key(event))
    addEventListener('hashchange', () => this.#readAddress(false))
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
      this.#start()
    }
  }

  /** @param {string} mode */
  #setMode(mode) {
    this.#mode = mode
    this.controls.mode = mode
    showTab(mode)
    this.results.show(this.#runs[mode])
    this.#updateAddress()
  }

  /** Writes the settings into the page's address and updates the estimate. */
  #updateAddress() {
    let settings
    try {
      settings = this.controls.read()
    } catch {
      return // a field is being typed; #start shows the error if it stays
    }
    history.replaceState(null, '', formatHash(settings, this.info))
    this.#updateEstimate(settings)
  }

  /**
   * Shows how long a run takes, or the error of its settings next to their field.
   * @type {(settings: Settings) => Promise<number>} the time in ms; 0 if it is unknown
   */
  async #updateEstimate(settings) {
    const number = ++this.#estimates
    let ms = 0, text = ''
    try {
      const plan = await this.planner.plan(settings)
      if (this.estimate.isKnown(plan) || (plan.passes > manyPasses && !this.runner.busy)) {
        ms = await this.estimate.time(plan)
        const adaptive = samplerOf(settings.sampler, this.info)?.adaptive
        text = `${adaptive ? 'At least' : 'About'} ${duration(ms)} on this device: ${count(plan.nfe, 'evaluation')} of ${count(plan.request.n, 'image')}.`
      }
    } catch (error) {
      if (number === this.#estimates) this.controls.showError(error)
    }
    if (number === this.#estimates) {
      element('estimate', HTMLElement).textContent = text
      if (this.#isReady) this.#showReady(ms)
    }
    return ms
  }

  /** @param {number} ms of the run, 0 if unknown */
  #showReady(ms) {
    this.progress.idle('Ready', ms > 0 ? `Generate takes about ${duration(ms)}` : '')
  }

  /** @type {(settings: Settings) => Promise<unknown>} loads the classifier, if the settings need it, and shows the progress */
  #loadClassifier(settings) {
    return this.classifier.ready(settings, (loading) => this.progress.loading(loading, 'the classifier'))
  }

  /** @type {(settings: Settings) => Promise<unknown>} loads the classifier before the first run; undefined if the visitor cancels */
  #loadClassifierFirst(settings) {
    setState('loading')
    const load = () => this.#loadClassifier(settings).then(() => true, () => true) // the run reports a failure
    return this.runner.run(load, () => {})
  }

  /**
   * Reads the settings in the address, or those of a shared link /s/…, and runs them. If
   * some cannot be used, it shows them and runs nothing.
   *
   * @param {boolean} first whether the page has just loaded
   */
  #readAddress(first) {
    const hash = location.hash || `#${document.body.dataset.experiment ?? ''}`
    delete document.body.dataset.experiment
    const { settings, problems } = parseHash(hash, this.info)
    if (problems.length > 0) {
      this.runner.cancel()
      setState('idle')
      showError(['The link has settings that cannot be used:', ...problems, 'Correct them and press Generate.'].join('\n'))
      this.progress.idle('Waiting for settings')
    }
    this.controls.write(settings)
    this.#setMode(settings.mode)
    if (problems.length > 0) {
      history.replaceState(null, '', hash) // so that the visitor can correct the address
      return
    }
    this.#runAddress(settings, first)
  }

  /** @type {(settings: Settings, first: boolean) => Promise<unknown>} */
  async #runAddress(settings, first) {
    if (settings.classifier_guidance > 0 && !(await this.#loadClassifierFirst(settings))) return
    const ms = await this.#updateEstimate({ ...settings, mode: 'generate' })
    if (first && this.runner.busy) return // the visitor has started a run
    if (ms > maxAutomatic) {
      setState('idle')
      this.#isReady = true
      this.#showReady(ms)
      return
    }
    return first ? this.#generateWithPreview(settings) : this.#generate(settings)
  }

  #start() {
    if (this.runner.busy) return
    hideError()
    try {
      // Everything is checked before the seed is used.
      this.controls.read()
      const request = this.#mode === 'inpaint' ? this.inpaint.request() : undefined
      this.controls.takeSeed()
      const settings = this.controls.read()
      this.#updateAddress()
      scrollToTop(element('stage', HTMLElement))
      if (request) this.#repaint(settings, request)
      else this.#generate(settings)
    } catch (error) {
      this.#showRunError(error)
    }
  }

  #cancel() {
    if (!this.runner.cancel()) return
    this.classifier.cancel()
    this.progress.stop('cancelled')
    setState('cancelled')
  }

  /**
   * The first run: an image in few steps, so that something is visible soon, then all
   * images. An image does not depend on how many others there are, so the second run
   * refines the first.
   *
   * @param {Settings} settings
   */
  async #generateWithPreview(settings) {
    const n = Math.min(previewImages, this.info.workers, settings.n)
    const quick = { ...settings, n, steps: Math.min(previewSteps, settings.steps) }
    if (n === settings.n && quick.steps === settings.steps) return this.#generate(settings)
    const done = await this.#generate(quick, { preview: true, tiles: settings.n })
    return done && this.#generate(settings, { locked: n })
  }

  /**
   * @param {Settings} settings
   * @param {{ preview?: boolean, tiles?: number, locked?: number }} [how] preview: another
   *   run follows; locked: tiles that keep what they show until the end
   * @returns {Promise<boolean>} whether it completed
   */
  async #generate(settings, { preview = false, tiles = settings.n, locked = 0 } = {}) {
    const label = (/** @type {number} */ i) => `image ${i + 1}${this.#className(settings, i)}`
    this.sheet.reset(shapeOf({ ...settings, mode: 'generate' }, this.info), Array.from({ length: tiles }, (_, i) => label(i)), { locked })
    const task = count(settings.n, 'image')
    return this.#run({ ...settings, mode: 'generate' }, this.sheet, { task, preview }, (calls) =>
      this.model.sample({ n: settings.n, ...callOf({ ...settings, mode: 'generate' }, this.info), ...calls }))
  }

  /**
   * @param {Settings} settings
   * @param {{ image: ImageData, mask: Uint8Array }} request
   */
  async #repaint(settings, { image, mask }) {
    const n = settings.variations
    this.inpaint.showTiles(n)
    return this.#run(settings, this.inpaint.gallery, { task: count(n, 'variation'), first: 1 }, (calls) =>
      this.model.inpaint({ image, mask, n, ...callOf(settings, this.info), ...calls }))
  }

  /**
   * @param {Settings} settings
   * @param {Gallery} gallery
   * @param {{ task: string, first?: number, preview?: boolean }} how first: the gallery's
   *   first tile for images of the run; preview: another run follows
   * @param {(calls: { signal: AbortSignal, onStep: (step: StepInfo) => void }) => Promise<Result>} call
   * @returns {Promise<boolean>} whether it completed
   */
  async #run(settings, gallery, { task, first = 0, preview = false }, call) {
    this.#running = settings.mode
    this.#showStarted(settings.steps, task, preview ? 'preview' : undefined)
    this.#forget(/** @type {Mode} */ (settings.mode)) // its images make room for the new ones
    const { resets } = gallery
    const sampler = samplerOf(settings.sampler, this.info)
    const evaluations = sampler?.adaptive || hasCorrector(settings.sampler, this.info) ? 0 : sampler?.evaluations ?? 1
    const showPreview = throttled((images) => gallery.show(images, { first }))
    try {
      const result = await this.runner.run(async (calls) => {
        await this.#loadClassifier(settings)
        return call(calls)
      }, (step) => {
        this.progress.step(step, evaluations)
        showPreview(step)
      })
      if (!result) {
        if (gallery.resets === resets) gallery.markUnfinished()
        return false
      }
      gallery.show(result.images, { final: !preview, first })
      performance.mark(preview ? 'tweedie-preview' : 'tweedie-images')
      if (preview) return true
      this.progress.done(result)
      this.#keep({ settings, result, columns: gallery.columns })
      setState('done')
      this.estimate.recordRun(result)
      this.#updateAddress()
      return true
    } catch (error) {
      gallery.markUnfinished()
      this.#fail(error)
      return false
    }
  }

  /** @type {(steps: number, task: string, name?: string) => void} */
  #showStarted(steps, task, name) {
    setState('running')
    this.#isReady = false
    this.progress.start(steps, task, name)
  }

  /** @param {unknown} error */
  #fail(error) {
    this.progress.stop('failed')
    setState('failed')
    this.#showRunError(error)
  }

  /** Shows an error in the banner, and its field. @param {unknown} error */
  #showRunError(error) {
    showError(messageOf(error))
    this.controls.showError(error, { focus: true })
  }

  /** @type {import('./likelihood.js').Hooks['run']} */
  async #runLikelihood(task, evaluations, call) {
    hideError()
    this.#showStarted(evaluations, task)
    let loading = !this.estimate.hasLikelihoodProgram
    if (loading) this.progress.loading({ phase: 'program', bytes: 0, total: 0 })
    try {
      const result = await this.runner.run(({ signal, onStep }) => call({ signal, onProgress: /** @type {any} */ (onStep) }), ({ progress }) => {
        if (loading) this.progress.start(evaluations, task) // its time begins now
        loading = false
        this.progress.step({ step: Math.floor(progress * evaluations), steps: evaluations, progress }, 0)
      })
      if (!result) return undefined
      this.progress.finish(task, /** @type {any} */ (result))
      setState('done')
      return result
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Forgets the last run of a mode, whose images are not shown any more. @param {Mode} mode */
  #forget(mode) {
    this.#runs[mode] = undefined
    if (this.#mode === mode) this.results.show(undefined)
  }

  /** Keeps and shows the last run of its mode. @param {Run} run */
  #keep(run) {
    const { mode } = run.settings
    this.#runs[mode] = run
    this.controls.seedUsed(run.settings.seed)
    if (this.#mode === mode) this.results.show(run)
    if (mode === 'generate') {
      this.inpaint.showRecent(run.result.images, (i) => this.#edit('generate', i), (i) => `Edit image ${i + 1}${this.#className(run.settings, i)}`)
    }
  }

  /** @type {(settings: Settings, i: number) => string} */
  #className(settings, i) {
    const name = classOf(settings, this.info, i)
    return name && `, class ${name}`
  }

  /** Opens image i of a mode's last run for editing. @type {(mode: Mode, i: number) => boolean} */
  #edit(mode, i) {
    const run = this.#runs[mode]
    const image = run?.result.images[i]
    if (!run || !image) return false
    const name = classOf(run.settings, this.info, i)
    const noun = mode === 'inpaint' ? 'variation' : 'image'
    this.#setMode('inpaint')
    this.inpaint.openImage(image, `${noun} ${i + 1} of seed ${run.settings.seed}${this.#className(run.settings, i)}`, name)
    return true
  }

  /** @type {(mode: Mode, i: number) => void} */
  #showLikelihood(mode, i) {
    if (this.#edit(mode, i)) this.likelihood.open()
  }

  /** Ends a repaint of the picture that another one replaces. */
  #imageOpening() {
    if (this.#running === 'inpaint') this.#cancel()
    this.#forget('inpaint')
  }

  /** @param {string} className class of the image that was opened, '' if unknown */
  #imageOpened(className) {
    this.likelihood.imageOpened(className)
    this.controls.chooseClass(className)
    this.#updateAddress()
  }
}
