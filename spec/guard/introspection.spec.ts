import { beforeEach, describe, expect, it } from 'vitest'
import type { OidcUnknownClaims } from '../../lib/config/claims.ts'
import { providerUnavailable } from '../../lib/core/errors.ts'
import { Introspection } from '../../lib/guard/introspection.ts'
import type { PresentedTokenChecks } from '../../lib/tokens/presented-token.ts'
import { passMs, stopClocks } from '../support/clocks.ts'
import { Gate } from '../support/gate.ts'

const checks: PresentedTokenChecks = {
  issuer: 'https://id.example.com',
  audience: ['orders'],
  algorithms: ['ES256'],
  clockToleranceSeconds: 30,
}
const active = { aud: 'orders', sub: 'alice' }

beforeEach(() => stopClocks())

/** The error of a promise that rejects. */
async function catchFault(promise: Promise<unknown>): Promise<Error & { readonly detail?: string }> {
  const found = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(found).toBeInstanceOf(Error)
  return found as Error
}

interface Stage {
  /** Introspects a token. */
  readonly claims: (token: string) => Promise<OidcUnknownClaims>
  /** The tokens that were sent to the issuer. */
  readonly sent: string[]
  /** Holds the issuer's responses until it is opened. */
  gate: Gate
  answer: (token: string) => OidcUnknownClaims | undefined
}

/** An issuer whose responses wait at a gate, which is open at first. Tokens are active unless they begin with `made-up`. */
function makeStage(): Stage {
  const sent: string[] = []
  const introspection = new Introspection({ tokens: 'opaque', cacheSeconds: 0 }, async (token) => {
    sent.push(token)
    await stage.gate.pass()
    return stage.answer(token)
  })
  const stage: Stage = {
    sent,
    gate: new Gate(),
    answer: (token) => (token.startsWith('made-up') ? undefined : active),
    claims: (token) => introspection.claims(token, checks),
  }
  stage.gate.open()
  return stage
}

/** Closes the gate of a stage, and has so many tokens wait for their introspection. */
function hold(stage: Stage, count: number, name: string): Promise<unknown[]> {
  stage.gate = new Gate()
  return Promise.all(
    Array.from({ length: count }, (_, index) => stage.claims(`${name}-${index}`).catch(() => 'rejected')),
  )
}

const isOverload = { code: 'provider_unavailable', status: 503, headers: { 'Retry-After': '1' } }

describe('introspections in flight', () => {
  it('are limited to 50 for new tokens, and answered 503 with Retry-After beyond that', async () => {
    const stage = makeStage()
    const held = hold(stage, 50, 'made-up')
    const error = await catchFault(stage.claims('made-up-50'))
    expect(error).toMatchObject(isOverload)
    expect(error.detail).toMatch(
      /^introspection: 50 requests for new tokens are in flight.*`introspection.cacheSeconds`$/,
    )
    expect(stage.sent).toHaveLength(50)
    stage.gate.open()
    await held
  })

  it.each([
    ['succeed', () => active],
    ['are not active', () => undefined],
    [
      'fail',
      () => {
        throw providerUnavailable('down')
      },
    ],
    ['are for another audience', () => ({ aud: 'billing' })],
  ])('make room for others when they %s', async (_what, answer) => {
    const stage = makeStage()
    const held = hold(stage, 50, 'token')
    await catchFault(stage.claims('next'))
    stage.answer = answer
    stage.gate.open()
    await held
    stage.answer = () => active
    expect(await stage.claims('next')).toMatchObject({ sub: 'alice' })
  })

  it('have another limit of 200 for tokens that were active before, which made-up tokens do not take', async () => {
    const stage = makeStage()
    const known = Array.from({ length: 201 }, (_, index) => `token-${index}`)
    for (const token of known) await stage.claims(token)
    const held = hold(stage, 50, 'made-up')
    expect(await catchFault(stage.claims('new'))).toMatchObject(isOverload)
    const knownHeld = known.slice(0, 200).map((token) => stage.claims(token))
    const error = await catchFault(stage.claims(known[200] as string))
    expect(error.detail).toContain('200 requests for known tokens')
    stage.gate.open()
    await held
    expect(await Promise.all(knownHeld)).toHaveLength(200)
  })

  it('do not count a token as known once it is not active', async () => {
    const stage = makeStage()
    await stage.claims('token')
    stage.answer = () => undefined
    await catchFault(stage.claims('token'))
    passMs(5000)
    const held = hold(stage, 50, 'made-up')
    expect(await catchFault(stage.claims('token'))).toMatchObject(isOverload)
    stage.gate.open()
    await held
  })

  it('do not count a token for another audience as known', async () => {
    const stage = makeStage()
    stage.answer = () => ({ aud: 'billing' })
    await catchFault(stage.claims('token'))
    const held = hold(stage, 50, 'made-up')
    expect(await catchFault(stage.claims('token'))).toMatchObject(isOverload)
    stage.gate.open()
    await held
  })

  it('share one error for 30 seconds, so that an overload causes one event', async () => {
    const stage = makeStage()
    const held = hold(stage, 50, 'made-up')
    const errors = await Promise.all(['a', 'b', 'c'].map((token) => catchFault(stage.claims(token))))
    expect(new Set(errors).size).toBe(1)
    passMs(29_999)
    expect(await catchFault(stage.claims('d'))).toBe(errors[0])
    passMs(1)
    const later = await catchFault(stage.claims('d'))
    expect(later).not.toBe(errors[0])
    expect(later).toMatchObject(isOverload)
    stage.gate.open()
    await held
  })

  it('are shared by all requests with the same token, which count once', async () => {
    const stage = makeStage()
    stage.gate = new Gate()
    const all = Promise.all(Array.from({ length: 300 }, () => stage.claims('token')))
    stage.gate.open()
    expect(await all).toHaveLength(300)
    expect(stage.sent).toEqual(['token'])
  })
})

describe('a token that is not active', () => {
  it('is rejected for 5 seconds without another request', async () => {
    const stage = makeStage()
    const reason = (await catchFault(stage.claims('made-up'))).message
    passMs(4999)
    expect((await catchFault(stage.claims('made-up'))).message).toBe(reason)
    expect(stage.sent).toHaveLength(1)
    passMs(1)
    await catchFault(stage.claims('made-up'))
    expect(stage.sent).toHaveLength(2)
  })

  it('is rejected for itself only', async () => {
    const stage = makeStage()
    await catchFault(stage.claims('made-up'))
    for (const other of ['made-u', 'made-up ', 'made-up1', 'MADE-UP']) await stage.claims(other).catch(() => {})
    expect(stage.sent).toHaveLength(5)
  })

  it('is accepted as soon as it is active and the 5 seconds are over', async () => {
    const stage = makeStage()
    await catchFault(stage.claims('made-up'))
    stage.answer = () => active
    passMs(5000)
    expect(await stage.claims('made-up')).toMatchObject({ sub: 'alice' })
  })

  it('is forgotten earlier if 10,000 others follow, so that the memory is bounded', async () => {
    const stage = makeStage()
    for (let index = 0; index < 10_000; index++) await stage.claims(`made-up-${index}`).catch(() => {})
    await catchFault(stage.claims('made-up-9999'))
    expect(stage.sent).toHaveLength(10_000)
    await catchFault(stage.claims('made-up-0'))
    expect(stage.sent).toHaveLength(10_001)
  })

  it.each([
    ['a failed introspection', new Error('down')],
    ['a token for another audience', { aud: 'billing' }],
  ])('is not what %s is taken for: the next request asks again', async (_what, answer) => {
    const stage = makeStage()
    stage.answer = () => {
      if (answer instanceof Error) throw answer
      return answer
    }
    for (let time = 0; time < 2; time++) await catchFault(stage.claims('token'))
    expect(stage.sent).toHaveLength(2)
  })
})
