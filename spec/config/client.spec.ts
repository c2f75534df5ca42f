import { createOidc, type OidcOptions } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../lib/config/resolve.ts'
import { findFaults } from '../support/find-faults.ts'
import { warningsOfSpecs } from '../support/warnings.ts'

const base = { issuer: 'https://id.example.com', clientId: 'web', baseUrl: 'https://app.example.com' }
const secret = 'a secret of more than thirty-two characters'
const clientSecret = 'a client secret'
const onLoopback = { ...base, baseUrl: 'http://localhost:3000' }

const warnings = warningsOfSpecs()

function faults(options: Partial<OidcOptions>): string[] {
  return findFaults(() => createOidc({ ...base, ...options }))
}

describe('client authentication', () => {
  it('uses client_secret_basic by default', () => {
    expect(resolveOptions({ ...base, secret, clientSecret }).clientAuth).toBe('client_secret_basic')
    expect(resolveOptions({ ...base, secret, clientSecret, clientAuth: 'client_secret_post' }).clientAuth).toBe(
      'client_secret_post',
    )
  })

  it('rejects an undefined clientSecret, so that an unset variable does not make a public client', () => {
    const message = '`clientSecret` is undefined; set the environment variable or remove the option'
    expect(faults({ secret, clientSecret: undefined })).toEqual([message])
    expect(faults({ secret, clientSecret: undefined, clientAuth: 'none' })).toEqual([message])
  })

  it("makes a client public only with clientAuth: 'none'", () => {
    expect(faults({ secret })).toEqual([
      "`clientSecret` is missing; pass it, or pass `clientAuth: 'none'` for a public client",
    ])
    expect(faults({ secret, clientAuth: 'none' })).toEqual([])
    expect(resolveOptions({ ...base, secret, clientAuth: 'none' }).clientSecret).toBeUndefined()
  })

  it('rejects a public client with a secret', () => {
    expect(faults({ secret, clientSecret, clientAuth: 'none' })).toEqual([
      "`clientAuth` 'none' is for public clients, which have no secret; remove `clientAuth` or `clientSecret`",
    ])
  })
})

describe('the option issuer', () => {
  const refusal = /^`issuer` uses http: and is not on loopback; use https:, or pass `allowInsecureIssuer: true`/

  it.each([
    'http://id.example.com',
    'http://localhost.example.com',
    'http://127.0.0.1.example.com',
    'http://10.0.0.1',
    'http://192.168.1.5:8080/realms/acme',
    'http://128.0.0.1',
    'http://[::2]',
    'http://notlocalhost',
  ])('rejects %s, which is plain http and not on loopback', (issuer) => {
    const found = faults({ secret, clientSecret, issuer })
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(refusal)
  })

  it.each([
    'http://localhost:8080',
    'http://127.0.0.1:8080',
    'http://127.8.9.1',
    'http://[::1]:8080',
    'http://kc.localhost',
  ])('accepts %s, which is plain http on loopback', (issuer) => {
    expect(faults({ secret, clientSecret, issuer })).toEqual([])
  })

  it('accepts plain http anywhere with allowInsecureIssuer', () => {
    expect(faults({ secret, clientSecret, issuer: 'http://id.example.com', allowInsecureIssuer: true })).toEqual([])
    expect(faults({ secret, clientSecret, issuer: 'http://id.example.com', allowInsecureIssuer: false })).toHaveLength(
      1,
    )
  })

  it('keeps an issuer character by character, as it is compared', { meta: { id: 'client-1' } }, () => {
    for (const issuer of ['https://id.example.com', 'https://id.example.com/', 'https://ID.example.com/Realms/acme/']) {
      expect(resolveOptions({ ...base, secret, clientSecret, issuer }).issuer).toBe(issuer)
    }
  })

  it('removes the trailing slash that a URL object adds, but no other', () => {
    const getIssuer = (text: string): string =>
      resolveOptions({ ...base, secret, clientSecret, issuer: new URL(text) }).issuer
    expect(getIssuer('https://id.example.com')).toBe('https://id.example.com')
    expect(getIssuer('http://localhost:8080')).toBe('http://localhost:8080')
    expect(getIssuer('https://id.example.com/realms/acme')).toBe('https://id.example.com/realms/acme')
    expect(getIssuer('https://id.example.com/realms/acme/')).toBe('https://id.example.com/realms/acme/')
  })
})

describe("responseMode: 'form_post'", () => {
  it('requires a baseUrl with https or on loopback, because of its cookie', () => {
    const options = { secret, clientSecret, responseMode: 'form_post' } as const
    expect(faults({ ...options, baseUrl: 'http://app.example.com' })).toEqual([
      "`responseMode` 'form_post' requires an https: `baseUrl`; use https:, because its cookie is SameSite=None and Secure",
    ])
    expect(faults({ ...options, baseUrl: 'http://localhost:3000' })).toEqual([])
    expect(faults({ ...options, baseUrl: 'https://app.example.com' })).toEqual([])
  })
})

describe('the option secret', () => {
  it('requires a secret off loopback', () => {
    expect(faults({ clientSecret })).toEqual([
      '`secret` is missing; pass 32 random characters or more (only on loopback is it derived from `clientSecret`)',
    ])
  })

  it('requires a secret on loopback if there is no client secret to derive it from', () => {
    expect(faults({ ...onLoopback, clientAuth: 'none' })).toEqual([
      '`secret` is missing; pass 32 random characters or more',
    ])
  })

  it('rejects a secret that is present but undefined, even on loopback', () => {
    const message = '`secret` is undefined; set the environment variable or remove the option'
    expect(faults({ clientSecret, secret: undefined })).toEqual([message])
    expect(faults({ ...onLoopback, clientSecret, secret: undefined })).toEqual([message])
  })

  it('derives the secret from the client secret on loopback, with one warning', async () => {
    for (const baseUrl of [
      'http://localhost:3000',
      'http://127.0.0.1:3000',
      'http://[::1]:3000',
      'http://app.localhost',
    ]) {
      const { secrets } = resolveOptions({ ...base, baseUrl, clientSecret })
      expect(secrets).toHaveLength(1)
      expect(secrets[0]).not.toBe(clientSecret)
    }
    expect(warnings).toEqual([])
    createOidc({ ...base, baseUrl: 'http://localhost:3000', clientSecret })
    expect(warnings).toMatchObject([{ code: 'OIDC_SECRET_DERIVED' }])
    expect(warnings[0]?.message).toContain('`secret` is missing')
    expect(warnings[0]?.message).not.toContain(clientSecret)
  })

  it('emits no warning if the secret is given or the options are rejected', async () => {
    createOidc({ ...onLoopback, clientSecret, secret })
    faults({ ...onLoopback, clientSecret, scope: 'email' })
    expect(warnings).toEqual([])
  })

  it('accepts a list of secrets and keeps its order', () => {
    const list = [`${secret} of today`, `${secret} of yesterday`]
    expect(resolveOptions({ ...base, clientSecret, secret: list }).secrets).toEqual(list)
    expect(resolveOptions({ ...base, clientSecret, secret }).secrets).toEqual([secret])
  })

  it('does not quote the secret in an error message', () => {
    const [fault] = faults({ clientSecret, secret: 'too short' })
    expect(fault).not.toContain('too short')
  })
})
