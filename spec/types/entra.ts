/** What is told of Microsoft Entra ID, and of issuers as unusual: held by the compiler, never run. */
import {
  createBearer,
  createOidc,
  entra,
  type EntraOptions,
  type EntraSettings,
  type IssuerRules,
  type OidcOptions,
  type TokenContext,
  type UnknownClaims,
} from 'express-session-oidc'
import { startTestEntra, testTenants, type TestEntra, type TestEntraOptions } from 'express-session-oidc/testing'
import { holds, type AnyIn, type Equal } from './helpers.ts'

declare const login: Omit<OidcOptions, 'issuer'>
const customers = new Set<unknown>()

// Both the login and the guard take what the preset gives.
createOidc({ ...login, ...entra({ tenant: testTenants.contoso }), clientId: 'web' })
createBearer({
  ...entra({ tenant: 'organizations', allow: ({ tid }) => customers.has(tid) }),
  audience: 'api://orders',
})
createBearer({ issuer: [{ ...entra({ tenant: [testTenants.contoso] as const }), audience: 'api://orders' }] })
entra({ tenant: 'common', allow: async ({ tid }) => customers.has(tid), appTokens: true, cloud: 'us' })
entra({ tenant: 'contoso', externalId: 'contoso', groups: false })
entra({ tenant: 'contoso', b2c: { name: 'contoso', policy: 'B2C_1_signin' }, groups: () => ['staff'] })
entra({ tenant: 'contoso', groups: async (claims, accessToken) => [String(claims['oid']), accessToken] })
holds<[Equal<ReturnType<typeof entra>, EntraSettings>, Equal<EntraSettings['issuer'], string>]>()

export const wrong: EntraOptions[] = [
  // @ts-expect-error: a tenant is named
  {},
  // @ts-expect-error: by its ID or its domain
  { tenant: 7 },
  // @ts-expect-error: who is let in is a function of the claims
  { tenant: 'common', allow: ['contoso'] },
  // @ts-expect-error: that says yes or no
  { tenant: 'common', allow: ({ tid }) => tid },
  // @ts-expect-error: a cloud of Microsoft's
  { tenant: 'contoso', cloud: 'germany' },
  // @ts-expect-error: the name of its directory
  { tenant: 'contoso', externalId: true },
  // @ts-expect-error: a policy is part of its issuer
  { tenant: 'contoso', b2c: { name: 'contoso' } },
  // @ts-expect-error: yes or no
  { tenant: 'contoso', appTokens: 'yes' },
  // @ts-expect-error: a function of the application's asks for them
  { tenant: 'contoso', groups: true },
  // @ts-expect-error: groups are texts
  { tenant: 'contoso', groups: () => [1] },
]

export const rules: IssuerRules[] = [
  {
    metadataIssuer: 'https://id.example.com/{tenantid}',
    tokenIssuer: ({ tid }) => (typeof tid === 'string' ? [`https://id.example.com/${tid}`] : undefined),
    accept(claims, context) {
      holds<[Equal<typeof claims, UnknownClaims>, Equal<typeof context, TokenContext>]>()
      return context.token === 'id' || 'an access token that is not for here'
    },
    distributedClaims: async (claims) => ({ groups: claims['groups'] }),
  },
  // @ts-expect-error: an issuer as the metadata has it, which is a text
  { metadataIssuer: new URL('https://id.example.com') },
  // @ts-expect-error: found at once
  { tokenIssuer: async () => 'https://id.example.com' },
  // @ts-expect-error: yes, no or why not
  { accept: () => 1 },
  // @ts-expect-error: claims by their names
  { distributedClaims: () => ['staff'] },
]

const provider = startTestEntra({ signIn: 'alice', pages: 'loopback', tokenSeconds: 60, apis: [] })
holds<[Equal<typeof provider, Promise<TestEntra>>, Equal<AnyIn<EntraOptions | IssuerRules, URL>, never>]>()
void provider.then((id) => {
  id.consentTo(['api://orders/Orders.Read'])
  // @ts-expect-error: scope is a list here
  id.consentTo('api://orders/Orders.Read')
})
export const wrongProvider: TestEntraOptions[] = [
  // @ts-expect-error: a user lives in a tenant
  { users: [{ name: 'alice', oid: 'a', displayName: 'Alice', upn: 'alice@contoso.example' }] },
  // @ts-expect-error: an API has a URI
  { apis: [{ appId: 'a' }] },
  // @ts-expect-error: tokens have two versions
  { apis: [{ appId: 'a', uri: 'api://a', version: 3 }] },
  // @ts-expect-error: as Microsoft's hosts, or on loopback
  { pages: 'none' },
  // @ts-expect-error: by a name of the users
  { signIn: true },
  // @ts-expect-error: milliseconds, as a clock gives them
  { now: 1000 },
  // @ts-expect-error: an option of the other provider
  { issuer: 'https://id.example.com' },
]
