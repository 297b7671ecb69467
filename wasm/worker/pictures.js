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
 * @param {Env} env
 * @param {ExecutionContext} ctx
 * @returns {Promise<Response | null>}
 */
export async function matching(request, env, ctx) {
  const { pathname, searchParams } = new URL(request.url)
  if (pathname !== '/api/sample.png' || !searchParams.has('v')) return null
  const hit = (await caches.default.match(request)) ?? (await stored(request.url, env, ctx).catch(console.error))
  if (!hit) return null // then it is drawn again
  const response = new Response(hit.body, hit)
  response.headers.set('Cache-Status', 'tweedie; hit')
  return response
}

/**
 * @param {string} url
 * @param {Env} env
 * @param {ExecutionContext} ctx
 * @returns {Promise<Uint8Array | null>}
 */
export async function find(url, env, ctx) {
  const found = (await caches.default.match(url)) ?? (await stored(url, env, ctx))
  return found ? new Uint8Array(await found.arrayBuffer()) : null
}

/**
 * What the bucket has, which this place's cache then has as well.
 *
 * @param {string} url
 * @param {Env} env
 * @param {ExecutionContext} ctx
 * @returns {Promise<Response | null>}
 */
async function stored(url, env, ctx) {
  const object = await bucketFor(url, env)?.get(nameOf(url))
  if (!object) return null
  const response = new Response(object.body, { headers: object.customMetadata })
  ctx.waitUntil(caches.default.put(url, response.clone()))
  return response
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
    bucketFor(url, env)?.put(nameOf(url), picture, { customMetadata: headers, httpMetadata: { contentType: 'image/png' } }),
  ])
}

/** @type {(url: string, env: Env) => R2Bucket | null | undefined} R2 takes names of 1,024 bytes at most */
const bucketFor = (url, env) => (nameOf(url).length <= 1024 ? env.PICTURES : null)

/** @type {(url: string) => string} the name of an object in the bucket: the same for every host */
const nameOf = (url) => {
  const { pathname, search } = new URL(url)
  return pathname.slice(1) + search
}
