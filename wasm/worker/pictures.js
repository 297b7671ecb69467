// @ts-check
/**
 * Pictures that were drawn already: in the Cache API of the place where the request
 * comes in and, if a bucket is bound, in R2, for every place. Both know a picture by
 * its canonical address, which names the version of the model and of the program.
 */

/** @import { Env } from './host.js' */

/**
 * The kept answer to a request that has the canonical address already: no program is
 * started for it.
 *
 * @param {Request} request
 * @returns {Promise<Response | null>}
 */
export async function matching(request) {
  const { pathname } = new URL(request.url)
  const hit = pathname === '/api/sample.png' && (await caches.default.match(request))
  if (!hit) return null
  const response = new Response(hit.body, hit)
  response.headers.set('Cache-Status', 'tweedie; hit')
  return response
}

/**
 * @param {string} url
 * @param {Env} env
 * @returns {Promise<Uint8Array | null>}
 */
export async function find(url, env) {
  const found = (await caches.default.match(url)) ?? (await env.PICTURES?.get(nameOf(url)))
  return found ? new Uint8Array(await found.arrayBuffer()) : null
}

/**
 * @param {string} url
 * @param {Uint8Array<ArrayBuffer>} picture
 * @param {Record<string, string>} headers
 * @param {Env} env
 */
export async function keep(url, picture, headers, env) {
  await Promise.all([
    caches.default.put(url, new Response(picture, { headers })),
    env.PICTURES?.put(nameOf(url), picture, { httpMetadata: { contentType: 'image/png' } }),
  ])
}

/** @type {(url: string) => string} the name of an object in the bucket: the same for every host */
const nameOf = (url) => {
  const { pathname, search } = new URL(url)
  return pathname.slice(1) + search
}
