import { loginMetadata } from '../config/issuer.ts'
import { resolveOptions, type ResolvedOptions } from '../config/resolve.ts'
import { Events } from '../core/events.ts'
import { Flights } from '../core/flights.ts'
import { Lru } from '../core/lru.ts'
import type { Records } from '../core/records.ts'
import { Sealer } from '../core/seal.ts'
import type { Instance } from '../logins/instance.ts'
import { fetchKeySet } from '../provider/endpoints.ts'
import { Provider } from '../provider/provider.ts'
import { ownerOf } from '../store/login-groups.ts'
import { LoginStore } from '../store/login-store.ts'
import { Keys } from '../tokens/keys.ts'

/** Logins of which it is remembered when they were last rechecked. */
const mostRechecks = 10_000

/**
 * Makes what all parts of an instance share, of the options of `createOidc`.
 *
 * @throws OidcError `options_invalid`
 */
export function makeInstance(given: unknown): Instance {
  const options = resolveOptions(given)
  const events = new Events(options.name)
  const onFault = (detail: string | undefined): void => events.emit('provider_fault', { detail })
  const provider = new Provider({ ...options, neededMetadata: loginMetadata }, onFault)
  const crossSite = options.responseMode === 'form_post'
  return {
    options,
    provider,
    keys: new Keys(() => fetchKeySet(provider), onFault),
    events,
    stateSealer: new Sealer(options.secrets, 'state'),
    cookieSealer: new Sealer(options.secrets, 'transaction'),
    loginsIn: loginStores(options),
    refreshes: new Flights(),
    rechecks: new Lru(mostRechecks),
    cookiePlace: {
      instance: options.name,
      https: options.origin.startsWith('https:'),
      basePath: options.basePath,
      crossSite,
    },
    redirectUri: options.origin + options.basePath + options.routes.callback,
  }
}

/** Makes the instance's logins in some records: one for each. */
export function loginStores(options: ResolvedOptions): (records: Records) => LoginStore {
  const stores = new WeakMap<Records, LoginStore>()
  const owner = { name: options.name, owner: ownerOf(options), tokenSealer: new Sealer(options.secrets, 'tokens') }
  return (records) => {
    const made = stores.get(records) ?? new LoginStore(records, owner)
    stores.set(records, made)
    return made
  }
}
