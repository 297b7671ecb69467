import assert from 'node:assert/strict'
import { test } from 'node:test'

import { whyNot } from '../page/start.js'

const list = { models: [{ file: 'mnist.json', title: 'Digits', bytes: 1 }, { file: 'cats.json', title: 'Cats', bytes: 1 }] }

test('a model that the site lacks is named with those that it has', () => {
  assert.equal(whyNot('models/nope.json', { ...list, current: undefined }, new Error('HTTP 404')), 'This site has no model "nope". It has mnist, cats.')
})

test('other failures keep their message, and being offline is said', () => {
  const known = { ...list, current: list.models[0] }
  Object.defineProperty(globalThis, 'navigator', { value: { onLine: true }, configurable: true })
  assert.equal(whyNot('models/mnist.json', known, new Error('HTTP 500')), 'HTTP 500')
  Object.defineProperty(globalThis, 'navigator', { value: { onLine: false }, configurable: true })
  assert.match(whyNot('models/mnist.json', known, new Error('Failed to fetch')), /offline/)
})
