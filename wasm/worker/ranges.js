// @ts-check

/**
 * Cuts a range out of a file of the static site, which knows only whole ones: RFC
 * 9110, section 14. Several ranges at once, and ranges of another version than the
 * one there is, get the whole file, as section 14.2 has it.
 *
 * @param {Request} request
 * @param {Response} whole
 * @returns {Promise<Response>}
 */
export async function ranged(request, whole) {
  const asked = /^bytes=(\d{1,15})?-(\d{1,15})?$/.exec(request.headers.get('Range') ?? '')
  const tag = request.headers.get('If-Range')
  const headers = new Headers(whole.headers)
  headers.set('Accept-Ranges', 'bytes')
  if (request.method !== 'GET' || whole.status !== 200 || !asked || (tag && tag !== headers.get('ETag'))) {
    return new Response(whole.body, { status: whole.status, headers })
  }
  const bytes = await whole.arrayBuffer()
  const [first, last] = boundsOf(asked[1], asked[2], bytes.byteLength)
  headers.delete('Content-Length')
  if (!(first <= last && first < bytes.byteLength)) {
    headers.set('Content-Range', `bytes */${bytes.byteLength}`)
    return new Response(null, { status: 416, headers })
  }
  headers.set('Content-Range', `bytes ${first}-${last}/${bytes.byteLength}`)
  return new Response(bytes.slice(first, last + 1), { status: 206, headers })
}

/**
 * @param {string | undefined} from
 * @param {string | undefined} to without from, how many bytes of the end
 * @param {number} size
 * @returns {[number, number]} first and last byte
 */
function boundsOf(from, to, size) {
  if (from === undefined) return [to === undefined ? size : Math.max(0, size - Number(to)), size - 1]
  return [Number(from), Math.min(Number(to ?? size), size - 1)]
}
