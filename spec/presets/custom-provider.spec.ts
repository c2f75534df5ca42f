import { createBearer, createOidc, customProvider } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { findFaults } from '../support/find-faults.ts'

const issuer = 'https://id.example.com'
const tokenIssuer = (): string => 'x'
const metadata = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
}
const login = {
  clientId: 'web',
  clientSecret: 'a client secret',
  baseUrl: 'https://app.example.com',
  secret: 'a secret of more than thirty-two characters',
}

function faults(options: object): string[] {
  return findFaults(() => customProvider({ issuer, ...options }))
}

describe('customProvider()', () => {
  it.each<[string, object, RegExp]>([
    ['a missing issuer', { issuer: undefined }, /^`issuer` is missing; pass the provider's issuer identifier/],
    ['an issuer that is not a URL', { issuer: 'id.example.com' }, /^`issuer` must be an absolute URL/],
    [
      'an issuer that is a number',
      { issuer: 42 },
      /^`issuer` must be the provider's issuer identifier, its metadata, or/,
    ],
    ['metadata without an issuer', { issuer: {} }, /^the metadata's `issuer` must be an absolute URL/],
    ['a scope without openid', { scope: 'profile' }, /^`scope` has no 'openid'/],
    ['a scope that is not a string', { scope: 7 }, /^`scope` must be words separated by spaces/],
    ['roles that are not a function', { roles: ['admin'] }, /^`roles` must be a function/],
    [
      'metadataIssuer without tokenIssuer',
      { metadataIssuer: 'https://id.example.com/{tenantid}/v2.0' },
      /^`metadataIssuer` requires `tokenIssuer`/,
    ],
    [
      'a metadataIssuer that is not a URL',
      { metadataIssuer: 'x', tokenIssuer },
      /^`metadataIssuer` must be an absolute URL/,
    ],
    [
      'a metadataIssuer that is not a string',
      { metadataIssuer: 7, tokenIssuer },
      /^`metadataIssuer` must be an absolute URL/,
    ],
    ['a tokenIssuer that is not a function', { tokenIssuer: 'x' }, /^`tokenIssuer` must be a function/],
    ['an accept that is not a function', { accept: true }, /^`accept` must be a function/],
    [
      'a distributedClaims that is not a function',
      { distributedClaims: {} },
      /^`distributedClaims` must be a function/,
    ],
    ['a codeScope that is not a function', { codeScope: 'openid' }, /^`codeScope` must be a function/],
    ['an unknown option', { acept: () => true }, /^`acept` is not an option; did you mean `accept`\?/],
  ])('throws for %s', (_name, options, message) => {
    expect(faults(options)).toEqual([expect.stringMatching(message)])
  })

  it('lists all faults of the options in one error', () => {
    expect(faults({ issuer: 'x', scope: 7, roles: 7, accept: 7 })).toHaveLength(4)
    expect(findFaults(() => customProvider(undefined as never))[0]).toBe(
      'the options of customProvider() must be an object',
    )
  })

  it('returns a provider whose issuer can be read, whatever form it was given in', () => {
    expect(customProvider({ issuer }).issuer).toBe(issuer)
    expect(customProvider({ issuer: new URL(issuer) }).issuer).toBe(issuer)
    expect(customProvider({ issuer: metadata }).issuer).toBe(issuer)
    expect(customProvider({ issuer }).roles).toBeUndefined()
  })

  it('leaves members of the metadata that only some uses need to createOidc() and createBearer()', () => {
    const provider = customProvider({ issuer: { issuer, jwks_uri: `${issuer}/jwks` } as never })
    expect(findFaults(() => createBearer({ provider, audience: 'orders' }))).toEqual([])
    expect(findFaults(() => createOidc({ ...login, provider }))).toEqual([
      "the metadata's `authorization_endpoint` must be an absolute URL",
      "the metadata's `token_endpoint` must be an absolute URL",
    ])
    const keyless = customProvider({ issuer: { issuer } as never })
    const keys = { keys: [{ kty: 'RSA' }] }
    const issuers = (entry: object) => () => createBearer({ issuer: [{ provider: keyless, ...entry }], audience: 'a' })
    expect(findFaults(issuers({}))).toEqual(["the metadata's `jwks_uri` must be an absolute URL"])
    expect(findFaults(issuers({ keys }))).toEqual([])
  })

  it('gives createBearer() the metadata, so that only the keys are fetched', async () => {
    const requested: unknown[] = []
    const fetch: typeof globalThis.fetch = async (url) => {
      requested.push(url)
      return Response.json({ keys: [] })
    }
    await createBearer({ provider: customProvider({ issuer: metadata }), audience: 'orders', fetch }).ready()
    expect(requested.map(String)).toEqual([metadata.jwks_uri])
  })
})
