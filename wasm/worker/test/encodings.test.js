import assert from 'node:assert/strict'
import { test } from 'node:test'
import { acceptsGzip, compressed } from '../encodings.js'

test('Accept-Encoding is read with its weights', () => {
  for (const [header, want] of [
    ['', false], ['gzip', true], ['X-GZIP', true], ['gzip, br', true], ['br', false], ['*', true], ['*;q=0', false], ['br, *;q=0.1', true],
    ['gzip;q=0', false], ['gzip;q=0.000, *', false], ['gzip;q=0.001', true], ['gzip ; q=1.000', true], ['identity', false],
    ['identity, gzip;q=0.9', false], ['identity;q=0.5, gzip;q=0.5', true], ['gzip;q=x', false], ['gzip;q=1.1', false], ['gzip;q', false], ['gzip;level=9', false],
    ['deflate,, gzip', true],
  ]) assert.equal(acceptsGzip(header), want, header)
})

test('text is compressed, once and with a weak tag; pictures and streams are not', () => {
  const request = (accept) => new Request('https://example.org/', { headers: { 'Accept-Encoding': accept } })
  const answer = (type, headers = {}) => new Response('{}', { headers: { 'Content-Type': type, ETag: '"1"', ...headers } })
  const json = compressed(request('gzip'), answer('application/json', { 'Content-Length': '2', Vary: 'Accept' }))
  assert.deepEqual([...json.headers], [['content-encoding', 'gzip'], ['content-type', 'application/json'], ['etag', 'W/"1"'], ['vary', 'Accept, Accept-Encoding']])
  const plain = compressed(request('br'), answer('application/problem+json'))
  assert.deepEqual([...plain.headers], [['content-type', 'application/problem+json'], ['etag', '"1"'], ['vary', 'Accept-Encoding']])
  const unchanged = compressed(request('gzip'), new Response(null, { status: 304, headers: { 'Content-Type': 'text/html; charset=utf-8', ETag: '"1"' } }))
  assert.equal(unchanged.status, 304)
  assert.deepEqual([...unchanged.headers], [['content-type', 'text/html; charset=utf-8'], ['etag', 'W/"1"'], ['vary', 'Accept-Encoding']])
  for (const response of [answer('image/png'), answer('text/event-stream'), answer('application/json', { 'Content-Encoding': 'br' })]) {
    assert.equal(compressed(request('gzip'), response), response)
  }
})
