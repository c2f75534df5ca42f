import { loginMetadata } from '../config/issuer.ts'
import { resolveOptions } from '../config/resolve.ts'
import type { OidcError } from '../core/errors.ts'
import { Events } from '../core/events.ts'
import { FailureLog } from '../core/failure-log.ts'
import { SingleFlightMap } from '../core/single-flight.ts'
import { GenerationalCache } from '../core/generational-cache.ts'
import type { OidcRecords } from '../core/records.ts'
import { deriveSeals } from '../core/seals.ts'
import type { Instance } from '../logins/instance.ts'
import { fetchKeySet } from '../provider/endpoints.ts'
import { Provider } from '../provider/provider.ts'
import { LoginStore, type LoginOwner } from '../store/login-store.ts'
import { deriveOwner } from '../store/owner.ts'
import { Keys } from '../tokens/key-set.ts'
import { makeCookiePlace } from '../session/login-cookies.ts'
import { reportError } from './response/report-error.ts'

/** Maximum number of logins whose last recheck is remembered. */
const mostRechecks = 10_000

/**
 * Creates the parts of an instance from the options of `createOidc`.
 *
 * @throws OidcError `options_invalid`
 */
export function makeInstance(input: unknown): Instance {
  const options = resolveOptions(input)
  const log = new FailureLog(options.name, options.log, [options.clientSecret, ...options.secrets])
  const events = new Events(options.name, log)
  if (options.isSecretDerived) {
    log.warnOnce(
      'OIDC_SECRET_DERIVED',
      '`secret` is missing and is derived from `clientSecret`, on loopback only',
      'pass 32 random characters or more',
    )
  }
  const onFault = (fault: OidcError): void => void reportError({ events }, fault, [fault.code])
  const provider = new Provider({ ...options, neededMetadata: loginMetadata }, onFault)
  const owner = deriveOwner(options)
  const seals = deriveSeals({ secrets: options.secrets, owner })
  return {
    options,
    provider,
    keys: new Keys(() => fetchKeySet(provider), onFault),
    events,
    owner,
    seals,
    loginsIn: makeLoginStores({ name: options.name, owner, sealer: seals.tokens }),
    refreshes: new SingleFlightMap(),
    rechecks: new GenerationalCache(mostRechecks),
    cookiePlace: makeCookiePlace(owner, {
      https: options.origin.startsWith('https:'),
      basePath: options.basePath,
      crossSite: options.responseMode === 'form_post',
    }),
    redirectUri: options.origin + options.basePath + options.routes.callback,
  }
}

/** Returns a function that returns the instance's login store for given records, always the same one for each. */
function makeLoginStores(owner: LoginOwner): (records: OidcRecords) => LoginStore {
  const stores = new WeakMap<OidcRecords, LoginStore>()
  return (records) => {
    const store = stores.get(records) ?? new LoginStore(records, owner)
    stores.set(records, store)
    return store
  }
}
