import { createOidc, type OidcOptions } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../lib/config/resolve.ts'
import { faultsOf } from '../support/faults-of.ts'
import { warningsGiven, warningsOfSpecs } from '../support/warnings.ts'

const base = { issuer: 'https://id.example.com', clientId: 'web', baseUrl: 'https://app.example.com' }
const secret = 'a secret of more than thirty-two characters'
const clientSecret = 'a client secret'
const onLoopback = { ...base, baseUrl: 'http://localhost:3000' }

const warnings = warningsOfSpecs()

function faults(options: Partial<OidcOptions>): string[] {
  return faultsOf(() => createOidc({ ...base, ...options } as OidcOptions))
}

describe('client authentication', () => {
  it('is client_secret_basic unless something else is said', () => {
    expect(resolveOptions({ ...base, secret, clientSecret }).clientAuth).toBe('client_secret_basic')
    expect(resolveOptions({ ...base, secret, clientSecret, clientAuth: 'client_secret_post' }).clientAuth).toBe(
      'client_secret_post',
    )
  })

  it('refuses a clientSecret that is present but undefined: an unset variable makes no public client', () => {
    const message = 'clientSecret is present but undefined: is its environment variable set?'
    expect(faults({ secret, clientSecret: undefined })).toEqual([message])
    expect(faults({ secret, clientSecret: undefined, clientAuth: 'none' })).toEqual([message])
  })

  it("lets a client be public only by clientAuth: 'none'", () => {
    expect(faults({ secret })).toEqual([
      "clientSecret is missing: pass it, or say clientAuth: 'none' for a public client",
    ])
    expect(faults({ secret, clientAuth: 'none' })).toEqual([])
    expect(resolveOptions({ ...base, secret, clientAuth: 'none' }).clientSecret).toBeUndefined()
  })

  it('refuses a public client with a secret', () => {
    expect(faults({ secret, clientSecret, clientAuth: 'none' })).toEqual([
      "clientAuth 'none' is for a public client, which has no clientSecret: leave one of the two out",
    ])
  })
})

describe('the issuer', () => {
  const refusal = /^issuer is plain http: and not on loopback: use https:, or pass allowInsecureIssuer: true/

  it.each([
    'http://id.example.com',
    'http://localhost.example.com',
    'http://127.0.0.1.example.com',
    'http://10.0.0.1',
    'http://192.168.1.5:8080/realms/acme',
    'http://128.0.0.1',
    'http://[::2]',
    'http://notlocalhost',
  ])('%s is refused, being plain http beyond loopback', (issuer) => {
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
  ])('%s may be plain http, being on loopback', (issuer) => {
    expect(faults({ secret, clientSecret, issuer })).toEqual([])
  })

  it('may be plain http anywhere where that is expressly permitted', () => {
    expect(faults({ secret, clientSecret, issuer: 'http://id.example.com', allowInsecureIssuer: true })).toEqual([])
    expect(faults({ secret, clientSecret, issuer: 'http://id.example.com', allowInsecureIssuer: false })).toHaveLength(
      1,
    )
  })

  it('is kept to the letter, since it is compared so', { meta: { id: 'client-1' } }, () => {
    for (const issuer of ['https://id.example.com', 'https://id.example.com/', 'https://ID.example.com/Realms/acme/']) {
      expect(resolveOptions({ ...base, secret, clientSecret, issuer }).issuer).toBe(issuer)
    }
  })

  it('as a URL object loses the slash that the object added, and no other', () => {
    const issuerOf = (text: string): string =>
      resolveOptions({ ...base, secret, clientSecret, issuer: new URL(text) }).issuer
    expect(issuerOf('https://id.example.com')).toBe('https://id.example.com')
    expect(issuerOf('http://localhost:8080')).toBe('http://localhost:8080')
    expect(issuerOf('https://id.example.com/realms/acme')).toBe('https://id.example.com/realms/acme')
    expect(issuerOf('https://id.example.com/realms/acme/')).toBe('https://id.example.com/realms/acme/')
  })
})

describe('responseMode form_post', () => {
  it('needs a base URL that its cookie can be set for: https, or on loopback', () => {
    const options = { secret, clientSecret, responseMode: 'form_post' } as const
    expect(faults({ ...options, baseUrl: 'http://app.example.com' })).toEqual([
      "responseMode 'form_post' needs an https: baseUrl: its cookie must be SameSite=None and Secure",
    ])
    expect(faults({ ...options, baseUrl: 'http://localhost:3000' })).toEqual([])
    expect(faults({ ...options, baseUrl: 'https://app.example.com' })).toEqual([])
  })
})

describe('the secret', () => {
  it('is required off loopback', () => {
    expect(faults({ clientSecret })).toEqual([
      'secret is missing: pass 32 random characters or more; only on loopback is it derived from clientSecret',
    ])
  })

  it('is required where there is no client secret to derive it from, also on loopback', () => {
    expect(faults({ ...onLoopback, clientAuth: 'none' })).toEqual([
      'secret is missing: pass 32 random characters or more',
    ])
  })

  it('must not be present but undefined, also on loopback', () => {
    const message = 'secret is present but undefined: is its environment variable set?'
    expect(faults({ clientSecret, secret: undefined })).toEqual([message])
    expect(faults({ ...onLoopback, clientSecret, secret: undefined })).toEqual([message])
  })

  it('is derived from the client secret on loopback, with one warning', async () => {
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
    await warningsGiven()
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatchObject({ name: 'OidcSetupWarning', code: 'OIDC_SECRET_DERIVED' })
    expect(warnings[0]?.message).toContain('Pass `secret`')
    expect(warnings[0]?.message).not.toContain(clientSecret)
  })

  it('is not warned of where it is given, or where the options are refused', async () => {
    resolveOptions({ ...onLoopback, clientSecret, secret })
    faults({ ...onLoopback, clientSecret, scope: 'email' })
    await warningsGiven()
    expect(warnings).toEqual([])
  })

  it('may be a list: the first seals, all open', () => {
    const list = [`${secret} of today`, `${secret} of yesterday`]
    expect(resolveOptions({ ...base, clientSecret, secret: list }).secrets).toEqual(list)
    expect(resolveOptions({ ...base, clientSecret, secret }).secrets).toEqual([secret])
  })

  it('is told apart by no error message', () => {
    const [fault] = faults({ clientSecret, secret: 'too short' })
    expect(fault).not.toContain('too short')
  })
})
