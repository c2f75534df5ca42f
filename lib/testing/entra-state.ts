import type { JWK } from 'jose'
import type { TestChange, TestJsonObject } from './change.ts'
import { makeCertificate } from './entra-certificate.ts'
import type { EntraSettings, TestEntraUser } from './entra-options.ts'
import { KeyRing, type SigningKey } from './keys.ts'
import type { ProviderState } from './state.ts'

/** Faults of one kind of token. */
export interface TestEntraTokenFault {
  /** Alters the claims before signing.
   * @default no change
   * @example testEntra.accessToken({ user: 'alice', claims: { aud: 'api://billing' } }) */
  readonly claims?: TestChange<TestJsonObject> | undefined
  /** Alters the header. The token is still signed with the same key and algorithm.
   * @default no change
   * @example testEntra.accessToken({ user: 'alice', header: { kid: 'unknown' } }) */
  readonly header?: TestChange<TestJsonObject> | undefined
  /** The key to sign with: that of personal accounts (`consumers`), or that of all other tenants (`organizations`).
   * @default the key of the token's tenant
   * @example testEntra.accessToken({ user: 'alice', key: 'consumers' }) */
  readonly key?: 'consumers' | 'organizations' | undefined
}

/** The faults of the simulated Entra. */
export interface TestEntraFaults {
  /** Faults of ID tokens.
   * @default none
   * @example testEntra.misbehave({ idToken: { claims: { tid: testTenants.fabrikam } } }) */
  readonly idToken?: TestEntraTokenFault | undefined
  /** Alters the provider metadata.
   * @default no change
   * @example testEntra.misbehave({ metadata: { userinfo_endpoint: undefined } }) */
  readonly metadata?: TestChange<TestJsonObject> | undefined
  /** Alters the published key set.
   * @default no change
   * @example testEntra.misbehave({ jwks: { keys: [] } }) */
  readonly jwks?: TestChange<TestJsonObject> | undefined
}

/** A signing key of Entra, and its published form. */
export interface EntraKey {
  readonly key: SigningKey
  readonly x5t: string
  readonly published: JWK
}

export interface EntraKeys {
  /** The key of all tenants except that of personal accounts. */
  readonly organizations: EntraKey
  readonly consumers: EntraKey
}

/** The state of the simulated Entra, shared by its endpoints. */
export interface EntraState {
  readonly settings: EntraSettings
  /** The state that the code of the test provider works with: sessions, codes, login page. */
  readonly provider: ProviderState
  /** The user of each access token for Microsoft Graph. */
  readonly graphTokens: Map<string, TestEntraUser>
  /** Scope with consent, by user and client. The empty key has the scope that an administrator consented to for all. */
  readonly consents: Map<string, ReadonlySet<string>>
  keys: EntraKeys
  faults: TestEntraFaults
}

/** The destination of a request: a host name of Entra, and the parts of the path. */
export interface EntraAddress {
  readonly host: string
  /** A GUID, `organizations`, `common` or `consumers`. */
  readonly tenant: string
  /** B2C only: the policy in the path. */
  readonly policy: string | undefined
  readonly version: 1 | 2
}

async function entraKey(key: SigningKey): Promise<EntraKey> {
  const { x5c, x5t } = await makeCertificate(key)
  // Entra publishes keys without `alg`.
  const { alg: _, ...jwk } = key.publicJwk
  return { key, x5t, published: { ...jwk, x5t, x5c } }
}

/** Assigns the ring's current key to personal accounts, and a new key to all other tenants. */
export async function newKeys(ring: KeyRing): Promise<EntraKeys> {
  const consumers = await entraKey(ring.current)
  await ring.rotate({ keepOld: true })
  return { consumers, organizations: await entraKey(ring.current) }
}
