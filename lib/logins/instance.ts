import type { ResolvedOptions } from '../config/resolve.ts'
import type { SessionStore } from '../config/session-store.ts'
import type { Events } from '../core/events.ts'
import type { Records } from '../core/records.ts'
import type { Seals } from '../core/seals.ts'
import type { Provider } from '../provider/provider.ts'
import type { Flights } from '../core/single-flight.ts'
import type { Lru } from '../core/lru.ts'
import { recordsFor } from '../session/web-session.ts'
import type { LoginStore } from '../store/login-store.ts'
import type { KeptTokens } from '../store/tokens.ts'
import type { Keys } from '../tokens/key-set.ts'
import type { CookiePlace } from '../session/login-cookies.ts'

/** What the use cases of one instance share. */
export interface Instance {
  readonly options: ResolvedOptions
  readonly provider: Provider
  readonly keys: Keys
  readonly events: Events
  /** Identity of the instance, see `ownerOf`. */
  readonly owner: string
  readonly seals: Seals
  /** The instance's logins in some records: one for each, however often it is asked for. */
  readonly loginsIn: (records: Records) => LoginStore
  /** The refreshes that this process is at, by login and what they are for. */
  readonly refreshes: Flights<KeptTokens>
  /** Milliseconds since the epoch at which this process last began to recheck a login. */
  readonly rechecks: Lru<number>
  readonly cookiePlace: CookiePlace
  /** From `baseUrl` alone, never from a request. */
  readonly redirectUri: string
}

/** The logins of an instance beside the sessions of a store. */
export function loginsBeside({ loginsIn, options }: Instance, store: SessionStore): LoginStore {
  return loginsIn(recordsFor(store, options.records))
}
