// @ts-check

/**
 * The name under which the requests of one client are counted: its IPv4 address, also one
 * that is mapped into IPv6, or the first 64 bits of its IPv6 address, as all addresses of
 * such a network belong to one client.
 *
 * @param {string} address
 * @returns {string}
 */
export function clientOf(address) {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped) return mapped[1]
  if (!address.includes(':')) return address
  const [head, tail] = address.toLowerCase().split('%')[0].split('::').map((part) => part.split(':').filter(Boolean))
  const after = tail ? tail.length + Number(tail.at(-1)?.includes('.') ?? 0) : 0 // an IPv4 address at the end is two groups
  const groups = tail ? [...head, ...Array(Math.max(0, 8 - head.length - after)).fill('0'), ...tail] : head
  return groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, '')).join(':') + '::/64'
}
