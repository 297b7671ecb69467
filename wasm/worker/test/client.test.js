import assert from 'node:assert/strict'
import { test } from 'node:test'

import { clientOf } from '../client.js'

test('addresses of one IPv6 network are one client, however they are written', () => {
  for (const [address, want] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1::2', '2001:db8:0:0::/64'],
    ['2001:0DB8:0:1::2', '2001:db8:0:1::/64'],
    ['2001:db8::1:0:0:0:2', '2001:db8:0:1::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['1::', '1:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ]) {
    assert.equal(clientOf(address), want, address)
  }
})
