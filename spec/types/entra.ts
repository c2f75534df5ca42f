/** The options for Microsoft Entra ID and for other issuers with unusual tokens. Checked by the compiler, never run. */
import {
  createBearer,
  createOidc,
  customProvider,
  entra,
  keycloak,
  type EntraOptions,
  type OidcIssuerRules,
  type OidcProvider,
  type OidcBaseOptions,
  type OidcTokenContext,
  type OidcUnknownClaims,
} from 'express-session-oidc'
import { startTestEntra, testTenants, type TestEntra, type TestEntraOptions } from 'express-session-oidc/testing'
import { holds, type AnyIn, type Equal } from './helpers.ts'

declare const login: OidcBaseOptions
const customers = new Set<unknown>()

// A rule of an issuer becomes part of a provider.
const own = customProvider({ issuer: 'https://id.example.com', scope: 'openid', roles: () => [], accept: () => true })
holds<[Equal<typeof own, OidcProvider>, Equal<ReturnType<typeof keycloak>, OidcProvider>]>()
createOidc({ ...login, provider: own })
// @ts-expect-error: `provider` or `issuer` is missing
createOidc(login)
// @ts-expect-error: the issuer is missing
customProvider({ accept: () => true })
// @ts-expect-error: a provider cannot be changed
own.issuer = 'https://id.example.org'

// The login and the guard both accept the result of the preset.
createOidc({ ...login, provider: entra({ tenant: testTenants.contoso }), clientId: 'web' })
createBearer({
  provider: entra({ tenant: 'organizations', allow: ({ tid }) => customers.has(tid) }),
  audience: 'api://orders',
})
createBearer({ issuer: [{ provider: entra({ tenant: [testTenants.contoso] as const }), audience: 'api://orders' }] })
entra({ tenant: 'common', allow: async ({ tid }) => customers.has(tid), appTokens: true, cloud: 'us' })
entra({ tenant: testTenants.contoso, externalId: 'contoso', groups: false })
entra({ tenant: testTenants.contoso, b2c: { name: 'contoso', policy: 'B2C_1_signin' }, groups: () => ['staff'] })
entra({ tenant: testTenants.contoso, groups: async (claims, accessToken) => [String(claims['oid']), accessToken] })
holds<[Equal<ReturnType<typeof entra>, OidcProvider>, Equal<OidcProvider['issuer'], string>]>()

export const wrong: EntraOptions[] = [
  // @ts-expect-error: the tenant is missing
  {},
  // @ts-expect-error: a tenant is a string or an array of strings
  { tenant: 7 },
  // @ts-expect-error: `allow` is a function of the claims
  { tenant: 'common', allow: ['contoso'] },
  // @ts-expect-error: `allow` must return a boolean
  { tenant: 'common', allow: ({ tid }) => tid },
  // @ts-expect-error: the cloud is unknown
  { tenant: testTenants.contoso, cloud: 'germany' },
  // @ts-expect-error: `externalId` is a string
  { tenant: testTenants.contoso, externalId: true },
  // @ts-expect-error: the policy is missing
  { tenant: testTenants.contoso, b2c: { name: 'contoso' } },
  // @ts-expect-error: the value must be a boolean
  { tenant: testTenants.contoso, appTokens: 'yes' },
  // @ts-expect-error: `groups` is a function or `false`
  { tenant: testTenants.contoso, groups: true },
  // @ts-expect-error: groups are strings
  { tenant: testTenants.contoso, groups: () => [1] },
]

export const rules: OidcIssuerRules[] = [
  {
    metadataIssuer: 'https://id.example.com/{tenantid}',
    tokenIssuer: ({ tid }) => (typeof tid === 'string' ? [`https://id.example.com/${tid}`] : undefined),
    accept(claims, context) {
      holds<[Equal<typeof claims, OidcUnknownClaims>, Equal<typeof context, OidcTokenContext>]>()
      return context.token === 'id' || 'an access token that is not for here'
    },
    distributedClaims: async (claims) => ({ groups: claims['groups'] }),
  },
  // @ts-expect-error: `metadataIssuer` is a string, as in the metadata
  { metadataIssuer: new URL('https://id.example.com') },
  // @ts-expect-error: the issuer must be returned synchronously
  { tokenIssuer: async () => 'https://id.example.com' },
  // @ts-expect-error: `accept` returns a boolean or the reason for a rejection
  { accept: () => 1 },
  // @ts-expect-error: distributed claims are an object
  { distributedClaims: () => ['staff'] },
]

const provider = startTestEntra({ signIn: 'alice', pages: 'loopback', tokenSeconds: 60, apis: [] })
holds<[Equal<typeof provider, Promise<TestEntra>>, Equal<AnyIn<EntraOptions | OidcIssuerRules, URL>, never>]>()
void provider.then((id) => {
  id.consentTo(['api://orders/Orders.Read'])
  // @ts-expect-error: the scope is an array here
  id.consentTo('api://orders/Orders.Read')
})
export const wrongProvider: TestEntraOptions[] = [
  // @ts-expect-error: the tenant of the user is missing
  { users: [{ name: 'alice', oid: 'a', displayName: 'Alice', upn: 'alice@contoso.example' }] },
  // @ts-expect-error: the URI of the API is missing
  { apis: [{ appId: 'a' }] },
  // @ts-expect-error: the version of tokens is 1 or 2
  { apis: [{ appId: 'a', uri: 'api://a', version: 3 }] },
  // @ts-expect-error: `pages` is `real` or `loopback`
  { pages: 'none' },
  // @ts-expect-error: `signIn` is the name of a user
  { signIn: true },
  // @ts-expect-error: `now` is a function that returns milliseconds
  { now: 1000 },
  // @ts-expect-error: an option of the other test provider
  { issuer: 'https://id.example.com' },
]
