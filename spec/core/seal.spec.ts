import { describe, expect, it } from 'vitest'
import { Deriver, Sealer, type KeySource } from '../../lib/core/seal.ts'

const first = 'the first secret, of more than thirty-two characters'
const second = 'the second secret, of more than thirty-two characters'
const sealer = new Sealer(under(first), 'tokens')

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

describe('Sealer.openWithSecret()', () => {
  it('returns the text with the index of the secret that sealed it', () => {
    const old = sealer.seal('old', 'context')
    expect(sealer.openWithSecret(old, 'context')).toEqual({ text: 'old', secret: 0 })
    const rotated = new Sealer(under(second, 'a third secret of more than thirty-two characters', first), 'tokens')
    expect(rotated.openWithSecret(old, 'context')).toEqual({ text: 'old', secret: 2 })
    expect(rotated.openWithSecret(rotated.seal('new', 'context'), 'context')).toEqual({ text: 'new', secret: 0 })
  })

  it('opens nothing that open() does not open', () => {
    const sealed = sealer.seal('text', 'context')
    for (const [text, context] of [
      [sealed, ''],
      [`${sealed}=`, 'context'],
      ['', 'context'],
      [sealed.slice(1), 'context'],
    ])
      expect(sealer.openWithSecret(text as string, context as string)).toBeUndefined()
    expect(new Sealer(under(second), 'tokens').openWithSecret(sealed, 'context')).toBeUndefined()
  })
})

describe('Deriver', () => {
  const deriver = new Deriver(under(first), 'login secrets')
  const bytes = Buffer.alloc(16, 7)
  const derive = (from: Deriver, secret = 0): string => from.derive(secret, bytes, 'nonce', 16).toString('hex')

  it('derives the same bytes from the same input, and as many as requested', () => {
    expect(derive(deriver)).toBe(derive(new Deriver(under(first), 'login secrets')))
    for (const length of [1, 16, 32, 48, 100]) expect(deriver.derive(0, bytes, 'nonce', length)).toHaveLength(length)
  })

  it('derives other bytes from any other input', () => {
    const others = [
      deriver.derive(0, Buffer.alloc(16, 8), 'nonce', 16),
      deriver.derive(0, bytes, 'verifier', 16),
      deriver.derive(0, bytes, 'nonce ', 16),
      new Deriver(under(first), 'state').derive(0, bytes, 'nonce', 16),
      new Deriver({ secrets: [first], owner: 'other' }, 'login secrets').derive(0, bytes, 'nonce', 16),
      new Deriver(under(second), 'login secrets').derive(0, bytes, 'nonce', 16),
      new Deriver(under(second, first), 'login secrets').derive(0, bytes, 'nonce', 16),
    ].map((other) => other.toString('hex'))
    expect(new Set([derive(deriver), ...others.slice(0, -1)]).size).toBe(7)
    // The first secret of a list is that of its own.
    expect(others.at(-1)).toBe(others.at(-2))
  })

  it('derives the same bytes with a secret wherever it is in the list', () => {
    expect(derive(new Deriver(under(second, first), 'login secrets'), 1)).toBe(derive(deriver))
  })
})
