/** The keys that verify presented tokens, as a client observes them: rotation, outages, floods. */
import { createBearer, type Bearer, type BearerOptions } from 'express-session-oidc'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import type { JWK } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { passMs, stopClocks } from '../support/clocks.ts'

const second = 1000
const minute = 60 * second
const day = 1440 * minute
let provider: TestProvider
let bearer: Bearer
const faults: (string | undefined)[] = []

beforeAll(async () => {
  provider = await startTestProvider({ audience: 'orders', algorithm: 'ES256' })
})
afterAll(() => provider.stop())
beforeEach(async () => {
  stopClocks()
  await provider.start()
  await provider.rotateKeys()
  provider.forget()
  faults.length = 0
  bearer = guard()
})
afterEach(() => provider.behave())

function guard(options: Partial<BearerOptions> = {}): Bearer {
  const made = createBearer({ issuer: provider.issuer, audience: 'orders', cacheSeconds: 0, ...options })
  made.on('provider_fault', ({ detail }) => faults.push(detail))
  return made
}

/** Polls for a number of turns rather than a time, because the fake clock does not advance. */
async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let turn = 0; !(await holds()); turn++) {
    if (turn > 300) throw new Error(`still not so: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

let serial = 0
/** A token that is valid for a month, because these specs are only about its key. */
function token(header: object = {}): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + 30 * 86_400
  return provider.sign(
    { iss: provider.issuer, aud: 'orders', sub: 'alice', exp, jti: `${(serial += 1)}` },
    { ...header },
  )
}
const unknown = (): Promise<string> => token({ kid: `unknown ${serial}` })

/** The outcome for a token: its subject, or the status, the code and the `Retry-After` of its rejection. */
async function outcome(presented: string | Promise<string>, by = bearer): Promise<string> {
  try {
    return (await by.verifyToken(await presented)).sub as string
  } catch (error) {
    const { code, status, headers } = error as { code: string; status: number; headers: Record<string, string> }
    const retry = headers['Retry-After']
    return `${status} ${code}${retry === undefined ? '' : ` ${retry}`}`
  }
}

const fetches = (): number => provider.requestsTo('jwks').length

describe('rotated keys', () => {
  it('fetches the keys once for the first token with a new key, then rejects tokens with the former key', async () => {
    const former = await token()
    expect(await outcome(former)).toBe('alice')
    await provider.rotateKeys()
    // The guard does not know about the rotation yet.
    expect(await outcome(former)).toBe('alice')
    expect(fetches()).toBe(1)
    const fresh = await token()
    expect(await outcome(fresh)).toBe('alice')
    expect(fetches()).toBe(2)
    expect(await outcome(fresh)).toBe('alice')
    expect(fetches()).toBe(2)
    expect(await outcome(former)).toBe('401 token_invalid')
  })

  it('accepts tokens with a former key that stays in the set', async () => {
    const former = await token()
    await provider.rotateKeys({ keepOld: true })
    expect(await outcome(token())).toBe('alice')
    expect(await outcome(former)).toBe('alice')
    expect(fetches()).toBe(1)
  })

  it('fetches keys without a kid again for a token that no key fits', async () => {
    await provider.rotateKeys({ kid: null })
    expect(await outcome(token())).toBe('alice')
    await provider.rotateKeys({ kid: null })
    expect(await outcome(token())).toBe('alice')
    expect(fetches()).toBe(2)
  })

  it('accepts tokens with a new key of another algorithm', async () => {
    expect(await outcome(token())).toBe('alice')
    await provider.rotateKeys({ algorithm: 'RS256' })
    expect(await outcome(token())).toBe('alice')
    await provider.rotateKeys({ algorithm: 'ES256' })
  })

  it('drops a former key after ten minutes and a request, even if no token with a new key arrives', async () => {
    const former = await token()
    expect(await outcome(former)).toBe('alice')
    await provider.rotateKeys()
    passMs(10 * minute - 1)
    expect(await outcome(former)).toBe('alice')
    expect(fetches()).toBe(1)
    passMs(1)
    // The request does not wait for the new keys.
    expect(await outcome(former)).toBe('alice')
    await until(async () => (await outcome(former)) === '401 token_invalid', 'the new keys are there')
  })
})

describe('keys while the provider is down', () => {
  it('verifies with cached keys for a day and emits provider_fault, then answers 503', async () => {
    const presented = await token()
    expect(await outcome(presented)).toBe('alice')
    await provider.stop()
    for (const passed of [20 * minute, 6 * 60 * minute, day - 6 * 60 * minute - 20 * minute]) {
      faults.length = 0
      passMs(passed)
      expect(await outcome(presented)).toBe('alice')
      await until(() => faults.length > 0, 'the fault is reported')
    }
    passMs(1)
    // After the day, requests wait for the keys.
    expect(await outcome(presented)).toMatch(/^503 provider_unavailable [1-9]/)
    await provider.start()
    passMs(second)
    expect(await outcome(presented)).toBe('alice')
  })

  it('retries the fetch every 30 seconds while cached keys are used, not at each request', async () => {
    const presented = await token()
    expect(await outcome(presented)).toBe('alice')
    provider.misbehave({ endpoints: { jwks: { status: 500 } } })
    passMs(10 * minute)
    for (let request = 0; request < 10; request++) expect(await outcome(presented)).toBe('alice')
    await until(() => faults.length === 1, 'the fault is reported')
    for (let request = 0; request < 10; request++) expect(await outcome(presented)).toBe('alice')
    expect(fetches()).toBe(2)
    passMs(30 * second)
    expect(await outcome(presented)).toBe('alice')
    await until(() => faults.length === 2, 'the fault is reported again')
    expect(fetches()).toBe(3)
  })

  it('tries three times to fetch keys that it never had, then once a second, and recovers on its own', async () => {
    provider.misbehave({ endpoints: { jwks: { status: 500 } } })
    const presented = await token()
    for (let request = 0; request < 50; request++)
      expect(await outcome(presented)).toMatch(/^503 provider_unavailable [1-9]\d*$/)
    expect(fetches()).toBe(3)
    for (let passed = 0; passed < 5; passed++) {
      passMs(second)
      for (let request = 0; request < 10; request++) expect(await outcome(presented)).toMatch(/^503 /)
    }
    expect(fetches()).toBe(8)
    provider.behave()
    expect(await outcome(presented)).toMatch(/^503 provider_unavailable 1$/)
    passMs(second)
    expect(await outcome(presented)).toBe('alice')
    for (let request = 0; request < 10; request++) expect(await outcome(presented)).toBe('alice')
    expect(fetches()).toBe(9)
  })

  it('fetches the keys once for 20 concurrent requests, and serves all of them', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => token()))
    const undo = provider.misbehave({ endpoints: { jwks: { hang: true } } })
    const outcomes = tokens.map((presented) => outcome(presented))
    await provider.waitForRequest('jwks')
    undo()
    expect(await Promise.all(outcomes)).toEqual(Array(20).fill('alice'))
    expect(fetches()).toBe(1)
    await provider.rotateKeys()
    const fresh = await Promise.all(Array.from({ length: 20 }, () => token()))
    expect(await Promise.all(fresh.map((presented) => outcome(presented)))).toEqual(Array(20).fill('alice'))
    expect(fetches()).toBe(2)
  })
})

describe('a flood of tokens with unknown keys', () => {
  it('limits unknown keys to three fetches, then one every 30 seconds; in between it answers 503', async () => {
    expect(await outcome(token())).toBe('alice')
    provider.forget()
    const outcomes: string[] = []
    for (let request = 0; request < 100; request++) outcomes.push(await outcome(unknown()))
    expect(outcomes.slice(0, 3)).toEqual(Array(3).fill('401 token_invalid'))
    expect(new Set(outcomes.slice(3))).toEqual(new Set(['503 provider_unavailable 30']))
    expect(fetches()).toBe(3)
    passMs(20 * second)
    expect(await outcome(unknown())).toBe('503 provider_unavailable 10')
    for (let half = 1; half <= 10; half++) {
      passMs(half === 1 ? 10 * second : 30 * second)
      for (let request = 0; request < 20; request++) await outcome(unknown())
      expect(fetches()).toBe(3 + half)
    }
  })

  it('accepts tokens with known keys during a flood of unknown keys', async () => {
    const tokens = await Promise.all([token(), token({ kid: undefined })])
    for (let request = 0; request < 20; request++) {
      await outcome(unknown())
      for (const known of tokens) expect(await outcome(known)).toBe('alice')
    }
    expect(fetches()).toBe(4)
  })

  it('fetches the keys once for 30 concurrent tokens with unknown keys', async () => {
    expect(await outcome(token())).toBe('alice')
    const undo = provider.misbehave({ endpoints: { jwks: { hang: true } } })
    const outcomes = (await Promise.all(Array.from({ length: 30 }, unknown))).map((presented) => outcome(presented))
    await provider.waitForRequest('jwks', 2)
    undo()
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['401 token_invalid']))
    expect(fetches()).toBe(2)
  })

  it('limits the fetches for forged tokens without a kid, too', async () => {
    const [header, payload] = (await token({ kid: undefined })).split('.')
    for (let request = 0; request < 20; request++) await outcome(`${header}.${payload}.${'A'.repeat(86)}`)
    expect(fetches()).toBe(4)
    expect(await outcome(token({ kid: undefined }))).toBe('alice')
  })

  it('delays tokens with a new key during a flood no longer than Retry-After says', async () => {
    expect(await outcome(token())).toBe('alice')
    for (let request = 0; request < 10; request++) await outcome(unknown())
    await provider.rotateKeys()
    const fresh = await token()
    expect(await outcome(fresh)).toBe('503 provider_unavailable 30')
    passMs(30 * second)
    expect(await outcome(fresh)).toBe('alice')
  })
})

describe('keys in the options', () => {
  const of = (keys: { readonly keys: readonly object[] } | URL): Bearer =>
    guard({ issuer: [{ issuer: provider.issuer, keys }] })

  it('sends no request if the options have the key set, whatever token is presented', async () => {
    const given = of(provider.keys)
    for (let round = 0; round < 3; round++) {
      expect(await outcome(token(), given)).toBe('alice')
      for (let request = 0; request < 10; request++) expect(await outcome(unknown(), given)).toBe('401 token_invalid')
      passMs(2 * day)
    }
    expect(provider.requests).toEqual([])
  })

  it('copies the key set of the options when the guard is created', async () => {
    const set = { keys: [...provider.keys.keys] as JWK[] }
    const given = of(set)
    const presented = await token()
    await provider.rotateKeys()
    set.keys.splice(0, 1, provider.keys.keys[0] as JWK)
    expect(await outcome(presented, given)).toBe('alice')
    expect(await outcome(token(), given)).toBe('401 token_invalid')
  })

  it('fetches the keys from the URL of the options, without fetching the metadata', async () => {
    const given = of(new URL('/jwks', provider.issuer))
    expect(await outcome(token(), given)).toBe('alice')
    await provider.rotateKeys()
    expect(await outcome(token(), given)).toBe('alice')
    expect(provider.requests.map(({ endpoint }) => endpoint)).toEqual(['jwks', 'jwks'])
  })

  it('ready() fetches the keys at once', async () => {
    await bearer.ready()
    expect(fetches()).toBe(1)
    expect(await outcome(token())).toBe('alice')
    expect(fetches()).toBe(1)
  })
})

describe('a wall clock that is set back', () => {
  it('does not keep keys longer if the clock is set back', async () => {
    vi.setSystemTime(Date.now() + 365 * day)
    const former = await token()
    expect(await outcome(former)).toBe('alice')
    vi.setSystemTime(Date.now() - 365 * day)
    await provider.rotateKeys()
    for (let request = 0; request < 3; request++) {
      passMs(11 * minute)
      await outcome(former)
    }
    await until(() => fetches() > 1, 'the keys are fetched anew')
  })
})
