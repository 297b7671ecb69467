// Files for visitors: downloads, and zip archives.

import { crc32 } from './crc32.js'
import { make } from './dom.js'

/**
 * download saves a file in the visitor's downloads.
 *
 * @param {Blob} blob
 * @param {string} name
 */
export function download(blob, name) {
  const href = URL.createObjectURL(blob)
  const link = make('a', { href, download: name })
  document.body.append(link)
  link.click()
  link.remove()
  setTimeout(() => URL.revokeObjectURL(href), 60_000)
}

/**
 * zip packs files into an archive without compression, as PNG does not get smaller. The
 * layout is that of PKWARE's APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16. The date is
 * 1 January 1980, so that the same images give the same archive.
 *
 * @param {{ name: string, blob: Blob }[]} files with ASCII names
 * @returns {Promise<Blob>}
 */
export async function zip(files) {
  const parts = []
  const directory = []
  let offset = 0
  for (const { name, blob } of files) {
    const data = new Uint8Array(await blob.arrayBuffer())
    const text = new TextEncoder().encode(name)
    // version, flags, method, time, date, crc, packed and plain size, lengths of name and extra
    const about = [20, 0, 0, 0, 0x21, crc32(data), data.length, data.length, text.length, 0]
    const local = record('LSSSSSLLLSS', [0x04034b50, ...about])
    directory.push(record('LSSSSSSLLLSSSSSLL', [0x02014b50, 20, ...about, 0, 0, 0, 0, offset]), text)
    parts.push(local, text, data)
    offset += local.length + text.length + data.length
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0)
  const end = record('LSSSSLLS', [0x06054b50, 0, 0, files.length, files.length, length, offset, 0])
  return new Blob([...parts, ...directory, end], { type: 'application/zip' })
}

/**
 * record writes numbers as little-endian fields: S has two bytes, L has four.
 *
 * @param {string} layout
 * @param {number[]} values
 * @returns {Uint8Array<ArrayBuffer>}
 */
function record(layout, values) {
  const bytes = new DataView(new ArrayBuffer([...layout].reduce((sum, kind) => sum + (kind === 'S' ? 2 : 4), 0)))
  let at = 0
  ;[...layout].forEach((kind, i) => {
    if (kind === 'S') bytes.setUint16(at, values[i], true)
    else bytes.setUint32(at, values[i], true)
    at += kind === 'S' ? 2 : 4
  })
  return new Uint8Array(bytes.buffer)
}
