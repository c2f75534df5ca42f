import type { Checks } from './checks.ts'
import { readClient, type ResolvedClient } from './client.ts'

/** Validated `OidcIntrospectionOptions`, with defaults. */
export interface ResolvedIntrospection {
  readonly tokens: 'opaque' | 'all'
  readonly cacheSeconds: number
}

/** Validated `BearerIntrospectionOptions`, with defaults. */
export interface ResolvedIntrospector extends ResolvedIntrospection, ResolvedClient {
  readonly clientId: string
}

const settings = ['tokens', 'cacheSeconds']

/** Returns the option `introspection` of `createOidc`, which uses the client of the logins; undefined if it is missing. */
export function readIntrospection(checks: Checks): ResolvedIntrospection | undefined {
  const given = checks.value('introspection')
  if (given === undefined) return undefined
  return checks.nested('introspection', settings, readIntrospectionSettings, {
    what: '`introspection`, unless true,',
    given: given === true ? {} : given,
  })
}

/** Returns the option `introspection` of `createBearer`, which names its own client; undefined if it is missing. */
export function readIntrospector(checks: Checks): ResolvedIntrospector | undefined {
  const given = checks.value('introspection')
  if (given === undefined) return undefined
  return checks.nested('introspection', [...settings, 'clientId', 'clientSecret', 'clientAuth'], (inner) => {
    // If the option is not an object, that is the only fault to report.
    const isObject = inner.faults.length === 0 || typeof given === 'object'
    const clientId = isObject ? inner.required('clientId', "this API's client identifier at the provider") : ''
    const client = isObject ? readClient(inner) : { clientSecret: undefined, clientAuth: 'none' as const }
    return { ...readIntrospectionSettings(inner), clientId: clientId ?? '', ...client }
  })
}

function readIntrospectionSettings(checks: Checks): ResolvedIntrospection {
  return {
    tokens: checks.choice('tokens', ['opaque', 'all'], 'opaque'),
    cacheSeconds: checks.seconds('cacheSeconds', 0, 0, 3600),
  }
}
