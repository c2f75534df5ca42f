import type { ResolvedOptions } from '../config/resolve.ts'
import type { OidcSessionStore } from '../config/session-store.ts'
import type { Events } from '../core/events.ts'
import type { OidcRecords } from '../core/records.ts'
import type { Seals } from '../core/seals.ts'
import type { Provider } from '../provider/provider.ts'
import type { SingleFlightMap } from '../core/single-flight.ts'
import type { GenerationalCache } from '../core/generational-cache.ts'
import { makeRecords } from '../session/web-session.ts'
import type { LoginStore } from '../store/login-store.ts'
import type { StoredTokens } from '../store/tokens.ts'
import type { Keys } from '../tokens/key-set.ts'
import type { CookiePlace } from '../session/login-cookies.ts'

/** The configuration and state that the use cases of one instance share. */
export interface Instance {
  readonly options: ResolvedOptions
  readonly provider: Provider
  readonly keys: Keys
  readonly events: Events
  /** Hash of issuer, client id and name, see `deriveOwner`. */
  readonly owner: string
  readonly seals: Seals
  /** Returns the instance's logins in the given records, always the same store for the same records. */
  readonly loginsIn: (records: OidcRecords) => LoginStore
  /** Token requests in progress in this process, by login and target, so that concurrent callers share one. */
  readonly refreshes: SingleFlightMap<StoredTokens>
  /** When this process last began to recheck a login, by the login's id: milliseconds of the monotonic clock. */
  readonly rechecks: GenerationalCache<number>
  readonly cookiePlace: CookiePlace
  /** Built from `baseUrl`, never from the headers of a request. */
  readonly redirectUri: string
}

/** Returns the instance's logins in the records that belong to a session store. */
export function findLoginStore({ loginsIn, options, events }: Instance, store: OidcSessionStore): LoginStore {
  return loginsIn(makeRecords(store, options.records, events.log))
}
