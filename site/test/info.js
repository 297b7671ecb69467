// What the tests know of a model: a part of what the engine says of one.

/** @type {(name: string, title: string, more?: object) => any} */
const sampler = (name, title, more) => ({ name, title, about: '', noise: false, eta: false, evaluations: 1, order: 1, orders: 0, few_steps: 0, few_order: 0, adaptive: false, schedule: '', rtol: 0, atol: 0, takes: [], needs: '', ...more })

/** @type {(name: string, group: string, kind: string, more?: object) => any} */
const setting = (name, group, kind, more) => ({ name, group, kind, title: name, help: '', min: 0, ...more })

export const info = /** @type {any} */ ({
  name: 'toy',
  shape: [1, 8, 8],
  classes: ['red', 'green', 'blue'],
  unconditional: true,
  workers: 4,
  samplers: [
    sampler('euler', 'Euler'),
    sampler('ddim', 'DDIM', { eta: true }),
    sampler('heun', 'Heun', { evaluations: 2, takes: ['s_churn'] }),
    sampler('unipc', 'UniPC', { orders: 3, takes: ['order'] }),
    sampler('pc', 'Predictor-corrector', { takes: ['corrector', 'corrector_steps', 'snr'] }),
    sampler('langevin', 'Langevin', { evaluations: 100, takes: ['corrector_steps'] }),
    sampler('rk45', 'RK45', { adaptive: true, evaluations: 6 }),
  ],
  settings: [
    setting('n', 'run', 'whole', { min: 1, max: 1 << 20, basic: true }),
    setting('seed', 'run', 'seed', { basic: true }),
    setting('class', 'run', 'classes', { basic: true }),
    setting('sampler', 'run', 'choice', { choices: ['euler', 'ddim', 'heun', 'unipc', 'pc', 'langevin', 'rk45'], basic: true }),
    setting('steps', 'run', 'whole', { min: 1, max: 10000, basic: true }),
    setting('eta', 'sampler', 'real', { max: 1, basic: true }),
    setting('guidance', 'run', 'real', { basic: true }),
    setting('size', 'run', 'size', { min: 2 }),
    setting('classifier_guidance', 'run', 'real', { basic: true }),
    setting('resample', 'inpaint', 'whole', { min: 1, max: 100, basic: true }),
    setting('corrector_steps', 'sampler', 'whole', { min: 1, max: 255, only: 'corrector=|langevin', basic: true }),
    setting('order', 'sampler', 'whole', { min: 1, max: 5 }),
    setting('s_churn', 'sampler', 'real'),
    setting('corrector', 'sampler', 'choice', { choices: ['langevin', 'none'] }),
    setting('snr', 'sampler', 'real', { above: true, max: 10, only: 'corrector=|langevin' }),
    setting('brownian', 'sampler', 'switch'),
    setting('schedule', 'levels', 'choice', { choices: ['karras', 'cosine'] }),
    setting('rho', 'levels', 'real', { above: true, only: 'schedule=|karras' }),
    setting('guidance_rescale', 'guidance', 'real', { max: 1 }),
    setting('jump', 'inpaint', 'whole', { min: 1, max: 10000 }),
  ],
  defaults: { sampler: 'euler', steps: 20, guidance: 1.5, eta: 0 },
})
