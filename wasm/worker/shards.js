// @ts-check
/**
 * The weights, kept between requests. A shard is fetched from the static site once an
 * isolate, held against the SHA-256 of its manifest, and then handed to every program.
 */

/**
 * @typedef {{ file: string, bytes: number, sha256: string }} ShardOf as a manifest names it
 * @typedef {{ data: Uint8Array<ArrayBuffer>, sum: Uint8Array<ArrayBuffer> }} Shard and its SHA-256
 */

/** Bytes that are kept at most: a program needs its part of the isolate's 128 MB. */
const most = 32 * 2 ** 20

/** @type {Map<string, Shard>} by SHA-256, the one used last at the end */
const kept = new Map()

/**
 * @param {ShardOf} shard
 * @param {(name: string) => Promise<{ status: number, body: Uint8Array<ArrayBuffer> }>} get asks the site for a file
 * @returns {Promise<Shard>}
 */
export async function shard({ file, bytes, sha256 }, get) {
  const known = kept.get(sha256)
  if (known) {
    kept.delete(sha256)
    kept.set(sha256, known)
    return known
  }
  const { status, body: data } = await get(`models/${file}`)
  if (status !== 200) throw new Error(`shard "${file}": status must be 200 (got ${status})`)
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', data))
  const found = Array.from(sum, (byte) => byte.toString(16).padStart(2, '0')).join('')
  if (data.length !== bytes || found !== sha256) {
    throw new Error(`shard "${file}": must be ${bytes} bytes with SHA-256 ${sha256} (got ${data.length} bytes with ${found})`)
  }
  kept.set(sha256, { data, sum })
  drop()
  return { data, sum }
}

/** Forgets what was not used for longest, while it is too much. */
function drop() {
  let total = 0
  for (const { data } of kept.values()) total += data.length
  for (const [name, { data }] of kept) {
    if (total <= most) return
    kept.delete(name)
    total -= data.length
  }
}
