// @ts-check
/**
 * Shared experiments in KV: one key each, the hash of what it shares, and all else in the
 * metadata that a list of keys brings along. KV has no transactions, and a place may see
 * for a minute what was before: the same experiment, shared in two places at once, is one
 * key all the same, of the later date; a gallery may have some too many for a while, which
 * go with the next that comes. Without order among the keys, the program sorts by date.
 */

/** @import { Env } from './host.js' */
/** @typedef {{ experiment: string, date: string }} Entry */

/**
 * @param {Env} env
 * @returns {Promise<Entry[]>} one list has 1000 keys at most, which is more than are kept
 */
export async function entries(env) {
  const { keys } = await bound(env).list({ prefix })
  return keys.map(({ metadata }) => /** @type {Entry} */ (metadata)).filter((entry) => entry?.experiment)
}

/** @type {(env: Env, entry: Entry) => Promise<void>} */
export const put = async (env, entry) => bound(env).put(await nameOf(entry), '', { metadata: entry })

/** @type {(env: Env, entry: Entry) => Promise<void>} */
export const drop = async (env, entry) => bound(env).delete(await nameOf(entry))

const prefix = 'shared/'

/** @type {(entry: Entry) => Promise<string>} */
async function nameOf({ experiment }) {
  const sum = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(experiment))
  return prefix + Array.from(new Uint8Array(sum), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** @type {(env: Env) => KVNamespace} */
function bound({ GALLERY }) {
  if (!GALLERY) throw new Error('no GALLERY is bound')
  return GALLERY
}
