import assert from 'node:assert/strict'
import { test } from 'node:test'
import { preflight, shared } from '../cors.js'

const request = (origin, method = 'GET', headers = {}) => new Request('https://site.example/api/models', { method, headers: { ...(origin && { Origin: origin }), ...headers } })

test('scripts of the origins that are allowed may read answers', () => {
  const page = 'https://page.example'
  for (const [allowed, origin, want, vary] of [
    ['', page, null, null], [undefined, page, null, null], ['*', page, '*', null], ['*', '', '*', null], [page, page, page, 'Origin'],
    [`https://third.example, ${page}`, page, page, 'Origin'], [page, 'https://other.example', null, 'Origin'], [page, '', null, 'Origin'], [page, 'null', null, 'Origin'],
  ]) {
    const { headers } = shared(request(origin), { TWEEDIE_CORS: allowed }, new Response('{}'))
    assert.deepEqual([headers.get('Access-Control-Allow-Origin'), headers.get('Vary')], [want, vary], `${allowed} ${origin}`)
    assert.equal(headers.has('Access-Control-Expose-Headers'), want !== null)
  }
})

test('a preflight allows reading alone', () => {
  const asked = { 'Access-Control-Request-Method': 'GET' }
  const answer = preflight(request('https://page.example', 'OPTIONS', asked), { TWEEDIE_CORS: '*' })
  assert.equal(answer.status, 204)
  assert.equal(answer.headers.get('Access-Control-Allow-Methods'), 'GET, HEAD')
  assert.ok(!answer.headers.get('Access-Control-Allow-Headers').includes('Content-Type'))
  assert.equal(preflight(request('https://page.example', 'OPTIONS', asked), {}), null)
  assert.equal(preflight(request('https://page.example', 'OPTIONS'), { TWEEDIE_CORS: '*' }), null)
  assert.equal(preflight(request('https://page.example', 'GET', asked), { TWEEDIE_CORS: '*' }), null)
})
