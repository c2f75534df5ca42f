import { describe, expect, it } from 'vitest'
import { Sealer } from '../../lib/core/seal.ts'
import { createLoginId } from '../../lib/session/login-in-progress.ts'
import { longestState, readState, writeFittingState, writeState, type State } from '../../lib/session/state.ts'
import { firstSecret, makeState, sealsWith, secondSecret } from './support/browser.ts'

const seals = sealsWith()
const otherOwner = sealsWith([firstSecret], 'other owner')
const otherSecret = sealsWith([secondSecret])

/** All parts of a state, each with a value that differs from that of a plain login. */
const full: Partial<State> = {
  attempt: 3,
  isSilent: true,
  asksMore: true,
  mark: 'hash-of-mark'.slice(0, 11),
  page: '/caf\u00e9?q="\\&x=\u{1f511}#end',
  scope: ['openid', 'email'],
  checked: { prompt: 'login', max_age: '60', acr_values: 'gold silver' },
  isPageShort: true,
  needsDetails: true,
}

function reread(state: State): unknown {
  return readState(seals, writeState(seals, state))
}

/** A state whose text has as many characters as three quarters of that many bytes, sealed by the instance. */
function stateOfBytes(bytes: number): string {
  const overhead = 12 + 16
  const plain = JSON.stringify([createLoginId(), 1, 0, 'hash-cookie', 0, '/', 0, {}])
  const length = bytes - overhead - plain.length
  return seals.state.seal(plain.replace('"/"', JSON.stringify(`/${'a'.repeat(length)}`)), '')
}

describe('writeState() and readState()', () => {
  it.each(Object.entries(full))('keep %s, alone and with all others', (name, value) => {
    const alone = makeState({ [name]: value })
    expect(reread(alone)).toEqual({ ...alone, secret: 0 })
    const others = makeState({ ...full, [name]: makeState()[name as keyof State] })
    expect(reread(others)).toEqual({ ...others, secret: 0 })
  })

  it('writeState() and readState() keep all parts at once', () => {
    const state = makeState(full)
    expect(reread(state)).toEqual({ ...state, secret: 0 })
  })

  it('writeState() and readState() keep the number of the attempt, from 0 to 3', () => {
    for (const attempt of [0, 1, 2, 3])
      expect(reread(makeState({ attempt }))).toMatchObject({ attempt, isSilent: false })
  })

  it('writeState() and readState() keep the time of the begin to the millisecond', () => {
    for (const startedAt of [0, 1_800_000_000, 1_800_000_000.001, 1_800_000_000.999])
      expect(reread(makeState({ startedAt }))).toMatchObject({ startedAt })
  })

  it('writeState() and readState() keep an empty page, an empty mark and an empty scope apart from missing ones', () => {
    expect(reread(makeState({ page: '', mark: '', scope: ['openid'] }))).toMatchObject({ page: '', mark: '' })
    expect(reread(makeState({ mark: undefined, scope: undefined }))).toMatchObject({
      mark: undefined,
      scope: undefined,
    })
  })
})

describe('the page in a state', () => {
  it.each([
    '/',
    '/a?b=c&d=%zz#e',
    '/\u0000\u007f',
    '/\ud800',
    '/\ufeff\u202e',
    '/"\\',
    '/[1,2]',
    `/${'\u{1f511}'.repeat(40)}`,
  ])('the page in a state is read as it was written: %j', (page) => {
    expect(reread(makeState({ page }))).toMatchObject({ page })
  })
})

describe('readState()', () => {
  it('accepts a state only from the instance that wrote it', { meta: { id: 'state-2' } }, () => {
    const text = writeState(seals, makeState())
    expect(readState(otherOwner, text)).toBeUndefined()
    expect(readState(otherSecret, text)).toBeUndefined()
    expect(readState(seals, text)).toBeDefined()
  })

  it('returns the index of the secret that sealed the state', () => {
    const old = writeState(seals, makeState())
    expect(readState(seals, old)).toMatchObject({ secret: 0 })
    expect(readState(sealsWith([secondSecret, firstSecret]), old)).toEqual({
      ...makeState(readState(seals, old)),
      secret: 1,
    })
    expect(readState(sealsWith([secondSecret]), old)).toBeUndefined()
  })

  it('rejects what the same instance has sealed for another purpose', () => {
    const plain = JSON.stringify([createLoginId(), 1, 0, 'hash-cookie', 0, '/', 0, {}])
    for (const sealer of [seals.details, seals.logout, seals.needs, seals.response, seals.finished, seals.tokens])
      expect(readState(seals, sealer.seal(plain, ''))).toBeUndefined()
    expect(readState(seals, seals.state.seal(plain, 'another context'))).toBeUndefined()
    expect(readState(seals, seals.state.seal(plain, ''))).toBeDefined()
    const source = { secrets: [firstSecret], owner: 'ours' }
    expect(readState(seals, new Sealer(source, 'state').seal(plain, ''))).toBeDefined()
  })

  it.each([makeState(), makeState(full)])('rejects a state with any character changed', (state) => {
    const text = writeState(seals, state)
    for (let at = 0; at < text.length; at++) {
      for (const other of ['A', 'b', '1', '.', '-']) {
        const changed = text.slice(0, at) + other + text.slice(at + 1)
        if (changed !== text) expect(readState(seals, changed)).toBeUndefined()
      }
    }
  })

  it('rejects a state in any other form', () => {
    const text = writeState(seals, makeState())
    const half = text.slice(0, text.length / 2)
    const others = ['', '.', '..', half, `${half}.${half}`, `${text}.`, `${text}\n`, ` ${text}`, `${text}=`, `${text}A`]
    others.push(text.toLowerCase(), text + text, `${text}.${text}`, 'x'.repeat(499), 'x'.repeat(5000), '[]', '\u0000')
    for (const other of others) expect(readState(seals, other)).toBeUndefined()
  })

  it('reads a state of 500 characters, and none that is longer', () => {
    expect(longestState).toBe(500)
    // Base64url needs four characters for three bytes, and two for one more byte: no text has 501 characters.
    expect(stateOfBytes(375)).toHaveLength(500)
    expect(readState(seals, stateOfBytes(375))).toMatchObject({ isSilent: false })
    for (const bytes of [376, 377, 378, 1000]) {
      const text = stateOfBytes(bytes)
      expect(text.length).toBeGreaterThan(500)
      expect(seals.state.open(text, '')).toBeDefined()
      expect(readState(seals, text)).toBeUndefined()
    }
    expect(readState(seals, `${stateOfBytes(375)}A`)).toBeUndefined()
  })

  it('does not decrypt a text that is too long', () => {
    const open = () => {
      throw new Error('it was decrypted')
    }
    const watched = { state: { openWithSecret: open } as unknown as Sealer }
    expect(readState(watched, 'x'.repeat(501))).toBeUndefined()
    expect(() => readState(watched, 'x'.repeat(500))).toThrow('it was decrypted')
  })
})

describe('the text of a state', () => {
  it('the text of a state shows nothing of its contents, and differs each time', () => {
    const state = makeState({ page: '/patients/alice-miller' })
    const text = writeState(seals, state)
    expect(text).toMatch(/^[\w-]+$/)
    expect(Buffer.from(text, 'base64url').toString('latin1')).not.toMatch(/alice|patients|hash-cookie/)
    expect(writeState(seals, state)).not.toBe(text)
  })

  it('the text of a state has room for a page of more than 200 characters of a plain login', () => {
    const state = makeState({ mark: 'hash-mark-1', startedAt: 1_800_000_000.123, page: `/${'a'.repeat(219)}` })
    expect(writeState(seals, state).length).toBeLessThanOrEqual(longestState)
  })
})

describe('writeFittingState()', () => {
  /** The versions of a state whose pages have these numbers of characters. */
  function versions(...lengths: readonly number[]): readonly State[] {
    return lengths.map((length) => makeState({ startedAt: 1_800_000_000, page: 'a'.repeat(length) }))
  }

  const [most] = Array.from({ length: 400 }, (_, length) => 399 - length).filter(
    (length) => writeState(seals, versions(length)[0] as State).length <= 500,
  ) as [number]

  it('writes the first version with at most 500 characters, to the character', () => {
    expect(writeFittingState(seals, versions(most, 1)).text).toHaveLength(500)
    expect(writeFittingState(seals, versions(most, 1)).state.page).toHaveLength(most)
    expect(writeFittingState(seals, versions(most + 1, 1)).state.page).toHaveLength(1)
    expect(writeFittingState(seals, versions(900, 800, most, 1)).state.page).toHaveLength(most)
  })

  it('returns the text of the version that it returns', () => {
    const { text, state } = writeFittingState(seals, versions(900, 2, 1))
    expect(readState(seals, text)).toEqual({ ...state, secret: 0 })
  })

  it('writes the last version even if that is too long', () => {
    const { text, state } = writeFittingState(seals, versions(900, 800))
    expect(state.page).toHaveLength(800)
    expect(text.length).toBeGreaterThan(500)
  })

  it('requires a version', () => {
    expect(() => writeFittingState(seals, [])).toThrow(RangeError)
  })
})

describe('createLoginId()', () => {
  it('creates an id of 128 random bits, which differs for each login', { meta: { id: 'state-1' } }, () => {
    const ids = Array.from({ length: 1000 }, createLoginId)
    expect(new Set(ids).size).toBe(1000)
    for (const id of ids) expect(id).toMatch(/^[\w-]{22}$/)
  })
})
