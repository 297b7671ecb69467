// @ts-check

/** Media types of answers that are compressed: the others are compressed already, or are streams. */
const texts = /^(application\/(problem\+)?json|text\/html)\b/

/**
 * An answer of the program, compressed with gzip if it is text and its client accepts that.
 * The runtime compresses a body by its header Content-Encoding, and Cloudflare brings it to
 * what the client likes best. Static files are compressed by Cloudflare.
 *
 * @param {Request} request
 * @param {Response} response
 * @returns {Response}
 */
export function compressed(request, response) {
  if (!texts.test(response.headers.get('Content-Type') ?? '') || response.headers.has('Content-Encoding')) return response
  const headers = new Headers(response.headers)
  const vary = headers.get('Vary')
  if (!vary?.includes('Accept-Encoding')) headers.set('Vary', vary ? `${vary}, Accept-Encoding` : 'Accept-Encoding')
  if (acceptsGzip(request.headers.get('Accept-Encoding') ?? '')) {
    const tag = headers.get('ETag')
    if (tag?.startsWith('"')) headers.set('ETag', `W/${tag}`) // the same content in other bytes
    if (response.body) {
      headers.set('Content-Encoding', 'gzip')
      headers.delete('Content-Length')
    }
  }
  return new Response(response.body, { status: response.status, headers })
}

/**
 * Whether a client prefers gzip to the plain bytes: RFC 9110, section 12.5.3. A weight that is
 * written wrongly counts as 0.
 *
 * @param {string} header Accept-Encoding
 * @returns {boolean}
 */
export function acceptsGzip(header) {
  /** @type {Map<string, number>} */
  const weights = new Map()
  for (const item of header.toLowerCase().split(',')) {
    const [coding, ...parameters] = item.split(';').map((part) => part.trim())
    const weight = /^q=(0(\.\d{0,3})?|1(\.0{0,3})?)$/.exec(parameters.join(';'))
    weights.set(coding === 'x-gzip' ? 'gzip' : coding, parameters.length === 0 ? 1 : Number(weight?.[1] ?? 0))
  }
  const gzip = weights.get('gzip') ?? weights.get('*') ?? 0
  return gzip > 0 && gzip >= (weights.get('identity') ?? 0)
}
