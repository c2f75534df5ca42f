import { afterEach, describe, expect, it } from 'vitest'
import { createOidc } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'
import { copyOwnProperties } from '../../lib/core/own-properties.ts'

const polluted = Object.prototype as unknown as Record<string, unknown>
afterEach(() => {
  for (const name of ['allowInsecureIssuer', 'timeoutSeconds', 'inherited']) delete polluted[name]
})

describe('options', () => {
  it('copies own properties and nothing that is inherited', () => {
    polluted['inherited'] = 'from another package'
    const copy = copyOwnProperties({ own: 1, none: undefined }) as Record<string, unknown>
    expect(copy['own']).toBe(1)
    expect('none' in copy).toBe(true)
    expect(copy['inherited']).toBeUndefined()
    expect('inherited' in copy).toBe(false)
  })

  it('ignores options on a polluted Object.prototype', () => {
    polluted['allowInsecureIssuer'] = true
    const options = {
      issuer: 'http://id.example.com',
      clientId: 'web',
      clientSecret: 'web-secret',
      baseUrl: 'https://app.example.com',
      secret: 'a secret of more than thirty-two characters',
    }
    expect(() => createOidc(options)).toThrow(/`issuer` uses http: and is not on loopback/)
    polluted['timeoutSeconds'] = -1
    const noop = (): Promise<never> => new Promise(() => {})
    const client = { get: noop, mGet: noop, set: noop, del: noop, getDel: noop, expire: noop, eval: noop }
    expect(() => new RedisSessionStore({ client })).not.toThrow()
  })
})
