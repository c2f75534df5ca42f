import { describe, expect, it } from 'vitest'
import { Authenticator, Sealer, type KeySource } from '../../lib/core/seal.ts'

const first = 'the first secret, of more than thirty-two characters'
const second = 'the second secret, of more than thirty-two characters'
const sealer = new Sealer(under(first), 'tokens')
const authenticator = new Authenticator(under(first), 'state')

function under(...secrets: string[]): KeySource {
  return { secrets, owner: 'owner' }
}

/** The texts whose decoded bytes differ from those of `text` in the lowest or the highest bit of one byte. */
function* oneBitWrong(text: string): Generator<string> {
  const bytes = Buffer.from(text, 'base64url')
  for (const [index, byte] of bytes.entries()) {
    for (const bit of [1, 128]) {
      const changed = Buffer.from(bytes)
      changed[index] = byte ^ bit
      yield changed.toString('base64url')
    }
  }
}

/** Other texts that a lenient decoder decodes to the same bytes as `text`. */
function otherSpellings(text: string): string[] {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const last = alphabet.indexOf(text.at(-1) as string)
  const trailing = [1, 2, 3].map((bits) => text.slice(0, -1) + alphabet[last ^ bits])
  return [`${text}=`, `${text}==`, ` ${text}`, `${text}\n`, `${text}!`, `${text.slice(0, 4)} ${text.slice(4)}`].concat(
    trailing.filter((other) => Buffer.from(other, 'base64url').equals(Buffer.from(text, 'base64url'))),
    text.replaceAll('-', '+').replaceAll('_', '/') === text ? [] : [text.replaceAll('-', '+').replaceAll('_', '/')],
  )
}

describe('Sealer', () => {
  it.each([
    ['an empty text', ''],
    ['a text of one character', 'x'],
    ['a text with spaces', 'three words here'],
    ['a text with NUL and characters beyond ASCII', '\u00e9\u{1f511}\0'],
    ['a text of 100 kB', 'long '.repeat(20_000)],
  ])('seals and opens %s unchanged', (_name, plain) => {
    expect(sealer.open(sealer.seal(plain, 'context'), 'context')).toBe(plain)
  })

  it('hides the plain text', () => {
    const sealed = sealer.seal('refresh-token-of-alice', 'context')
    expect(sealed).toMatch(/^[A-Za-z0-9_-]+$/)
    expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('alice')
  })

  it('uses a new nonce each time', { meta: { id: 'seal-1' } }, () => {
    const nonces = Array.from({ length: 2000 }, () =>
      Buffer.from(sealer.seal('the same', 'context'), 'base64url').subarray(0, 12).toString('hex'),
    )
    expect(new Set(nonces).size).toBe(2000)
  })

  it('does not open a sealed text with any one of its bytes changed', { meta: { id: 'seal-2' } }, () => {
    const sealed = sealer.seal('some tokens', 'context')
    let tried = 0
    for (const changed of oneBitWrong(sealed)) {
      expect(sealer.open(changed, 'context')).toBeUndefined()
      tried++
    }
    expect(tried).toBe((12 + 'some tokens'.length + 16) * 2)
  })

  it('does not open a truncated or extended text', () => {
    const bytes = Buffer.from(sealer.seal('some tokens', 'context'), 'base64url')
    for (let length = 0; length < bytes.length; length++) {
      expect(sealer.open(bytes.subarray(0, length).toString('base64url'), 'context')).toBeUndefined()
    }
    expect(sealer.open(Buffer.concat([bytes, Buffer.of(0)]).toString('base64url'), 'context')).toBeUndefined()
  })

  it('does not open a sealed text in another context', { meta: { id: 'seal-3' } }, () => {
    const sealed = sealer.seal('some tokens', 'default login-1')
    for (const context of ['', 'default login-2', 'default login-1 ', 'default', 'partner login-1']) {
      expect(sealer.open(sealed, context)).toBeUndefined()
    }
  })

  it('does not open a sealed text for another purpose', { meta: { id: 'seal-4' } }, () => {
    const sealed = sealer.seal('some tokens', 'context')
    for (const purpose of ['transaction', 'state', 'token', 'tokens ', '']) {
      expect(new Sealer(under(first), purpose).open(sealed, 'context')).toBeUndefined()
    }
  })

  it('does not open a sealed text for another owner', () => {
    const sealed = sealer.seal('some tokens', 'context')
    for (const owner of ['', 'owner ', 'owner tokens', 'Owner', 'other']) {
      expect(new Sealer({ secrets: [first], owner }, 'tokens').open(sealed, 'context')).toBeUndefined()
    }
  })

  it('does not open a sealed text with another secret', () => {
    expect(new Sealer(under(second), 'tokens').open(sealer.seal('some tokens', 'context'), 'context')).toBeUndefined()
  })

  it('opens with any secret of the list, and seals with the first', { meta: { id: 'seal-5' } }, () => {
    const rotated = new Sealer(under(second, first), 'tokens')
    expect(rotated.open(sealer.seal('old', 'context'), 'context')).toBe('old')
    const sealed = rotated.seal('new', 'context')
    expect(rotated.open(sealed, 'context')).toBe('new')
    expect(new Sealer(under(second), 'tokens').open(sealed, 'context')).toBe('new')
    expect(sealer.open(sealed, 'context')).toBeUndefined()
  })

  it('does not open another spelling of a sealed text', () => {
    for (const plain of ['a', 'ab', 'abc']) {
      const sealed = sealer.seal(plain, 'context')
      for (const other of otherSpellings(sealed)) expect(sealer.open(other, 'context')).toBeUndefined()
    }
  })

  it.each(['', 'x', 'A'.repeat(37), 'A'.repeat(38), '\u0000', '\u{1f511}'.repeat(40), '{}', '.'.repeat(100)])(
    'does not open garbage such as %j',
    (garbage) => {
      expect(sealer.open(garbage, 'context')).toBeUndefined()
    },
  )
})

describe('Authenticator', () => {
  it('verifies a code only for its text', () => {
    const mac = authenticator.mac('text')
    expect(mac).toMatch(/^[A-Za-z0-9_-]{22}$/)
    expect(authenticator.verifies('text', mac)).toBe(true)
    expect(authenticator.verifies('text ', mac)).toBe(false)
    expect(authenticator.verifies('', mac)).toBe(false)
  })

  it('rejects a code with a changed bit, in another spelling or truncated', () => {
    const mac = authenticator.mac('text')
    for (const changed of oneBitWrong(mac)) expect(authenticator.verifies('text', changed)).toBe(false)
    for (const other of otherSpellings(mac)) expect(authenticator.verifies('text', other)).toBe(false)
    for (let length = 0; length < mac.length; length++)
      expect(authenticator.verifies('text', mac.slice(0, length))).toBe(false)
  })

  it('rejects a code for another purpose, secret or owner', () => {
    const mac = authenticator.mac('text')
    expect(new Authenticator(under(first), 'tokens').verifies('text', mac)).toBe(false)
    expect(new Authenticator(under(second), 'state').verifies('text', mac)).toBe(false)
    expect(new Authenticator({ secrets: [first], owner: 'other' }, 'state').verifies('text', mac)).toBe(false)
  })

  it('verifies with any secret of the list, and makes codes with the first', () => {
    const rotated = new Authenticator(under(second, first), 'state')
    expect(rotated.verifies('text', authenticator.mac('text'))).toBe(true)
    expect(rotated.mac('text')).toBe(new Authenticator(under(second), 'state').mac('text'))
    expect(rotated.mac('text')).not.toBe(authenticator.mac('text'))
  })
})
