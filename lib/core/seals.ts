import { Authenticator, Sealer, type KeySource } from './seal.ts'

/** The keys of one instance, one for each purpose. */
export interface Seals {
  /** Tokens of a login in the store. */
  readonly tokens: Sealer
  /** The cookie of a login in progress. */
  readonly transaction: Sealer
  /** The cookie that counts recent logins, to detect loops. */
  readonly finished: Sealer
  /** `state` of an authorization request. */
  readonly state: Authenticator
  /** The page in the `state` of a silent login. */
  readonly openPage: Sealer
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
    transaction: new Sealer(source, 'transaction'),
    finished: new Sealer(source, 'finished'),
    state: new Authenticator(source, 'state'),
    openPage: new Sealer(source, 'open page'),
    logout: new Sealer(source, 'logout'),
    response: new Sealer(source, 'response'),
    needs: new Sealer(source, 'needs'),
  }
}
