import type { JWK } from 'jose'
import type { Change, JsonObject } from './change.ts'
import { certificateOf } from './entra-certificate.ts'
import type { EntraSettings, TestEntraUser } from './entra-options.ts'
import { KeyRing, type SigningKey } from './keys.ts'
import type { ProviderState } from './state.ts'

/** What is changed of one kind of token. */
export interface TestEntraTokenFault {
  /** Claims to replace or, as `undefined`, to remove; or what makes others of them. */
  readonly claims?: Change<JsonObject> | undefined
  /** The same of the header. */
  readonly header?: Change<JsonObject> | undefined
  /** Signs with the key of personal accounts, or with that of all other tenants. Default: as the tenant has it. */
  readonly key?: 'consumers' | 'organizations' | undefined
}

/** How the simulated Entra misbehaves. */
export interface TestEntraFaults {
  readonly idToken?: TestEntraTokenFault | undefined
  readonly metadata?: Change<JsonObject> | undefined
  readonly jwks?: Change<JsonObject> | undefined
}

/** One key of Entra, with what is published of it. */
export interface EntraKey {
  readonly key: SigningKey
  readonly x5t: string
  readonly published: JWK
}

export interface EntraKeys {
  /** Of all tenants but that of personal accounts. */
  readonly organizations: EntraKey
  readonly consumers: EntraKey
}

/** The simulated Entra as its endpoints see it. */
export interface EntraState {
  readonly settings: EntraSettings
  /** What it shares with the other provider for specs: sessions, codes, login page. */
  readonly provider: ProviderState
  /** Whose an access token for Microsoft Graph is. */
  readonly graphTokens: Map<string, TestEntraUser>
  /** Scope that there is consent to: by user and client, and, under the empty text, of administrators for all. */
  readonly consents: Map<string, ReadonlySet<string>>
  keys: EntraKeys
  faults: TestEntraFaults
}

/** Where a request goes: a host name of Entra's and what its path says. */
export interface EntraAddress {
  readonly host: string
  /** A GUID, `organizations`, `common` or `consumers`. */
  readonly tenant: string
  /** Of B2C. */
  readonly policy: string | undefined
  readonly version: 1 | 2
}

async function entraKey(key: SigningKey): Promise<EntraKey> {
  const { x5c, x5t } = await certificateOf(key)
  // Entra names no algorithm with its keys.
  const { alg: _, ...jwk } = key.publicJwk
  return { key, x5t, published: { ...jwk, x5t, x5c } }
}

/** New keys in place of the former ones. */
export async function newKeys(ring: KeyRing): Promise<EntraKeys> {
  const consumers = await entraKey(ring.current)
  await ring.rotate({ keepOld: true })
  return { consumers, organizations: await entraKey(ring.current) }
}
