import { Deriver, Sealer, type KeySource } from './seal.ts'

/** The keys of one instance, one for each purpose. */
export interface Seals {
  /** Tokens of a login in the store. */
  readonly tokens: Sealer
  /** `state` of an authorization request. */
  readonly state: Sealer
  /** Nonce, PKCE verifier and DPoP key of a login in progress. */
  readonly loginSecrets: Deriver
  /** The cookie with the parts of a login in progress that do not fit into `state`. */
  readonly details: Sealer
  /** The cookie that counts recent logins, to detect loops. */
  readonly finished: Sealer
  /** `state` of a logout request. */
  readonly logout: Sealer
  /** An authorization response by `form_post`, stored until its GET. */
  readonly response: Sealer
  /** The parameter `ask` of the login URL, with the requirements of a step-up login. */
  readonly needs: Sealer
}

export function deriveSeals(source: KeySource): Seals {
  return {
    tokens: new Sealer(source, 'tokens'),
    state: new Sealer(source, 'state'),
    loginSecrets: new Deriver(source, 'login secrets'),
    details: new Sealer(source, 'details'),
    finished: new Sealer(source, 'finished'),
    logout: new Sealer(source, 'logout'),
    response: new Sealer(source, 'response'),
    needs: new Sealer(source, 'needs'),
  }
}
