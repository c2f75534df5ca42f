import { Checks } from './checks.ts'
import { clientOf, type ResolvedClient } from './client.ts'

/** When an issuer is asked about tokens, validated. */
export interface ResolvedIntrospection {
  readonly tokens: 'opaque' | 'all'
  readonly rememberSeconds: number
}

/** The same with the client that asks. */
export interface ResolvedIntrospector extends ResolvedIntrospection, ResolvedClient {
  readonly clientId: string
}

const settings = ['tokens', 'rememberSeconds']

/** The option `introspection` beside a login, whose client asks; undefined where it is not given. */
export function introspectionOf(checks: Checks): ResolvedIntrospection | undefined {
  const given = checks.value('introspection')
  if (given === undefined) return undefined
  const inner = new Checks(given === true ? {} : given, 'introspection, where it is not true,', settings)
  const resolved = settingsOf(inner)
  checks.faults.push(...named(inner.faults))
  return resolved
}

/** The option `introspection` of an issuer, with the client that asks; undefined where it is not given. */
export function introspectorOf(checks: Checks): ResolvedIntrospector | undefined {
  const given = checks.value('introspection')
  if (given === undefined) return undefined
  const inner = new Checks(given, 'introspection', [...settings, 'clientId', 'clientSecret', 'clientAuth'])
  const clientId = inner.string('clientId', 'the client identifier of this API at the provider')
  if (inner.value('clientId') === undefined && inner.faults.length === 0) {
    inner.fault('clientId is missing: pass the client identifier of this API at the provider')
  }
  // Of what is no object, one fault is enough.
  const client = typeof given === 'object' ? clientOf(inner) : { clientSecret: undefined, clientAuth: 'none' as const }
  const resolved = { ...settingsOf(inner), clientId: clientId ?? '', ...client }
  checks.faults.push(...named(inner.faults))
  return resolved
}

function settingsOf(checks: Checks): ResolvedIntrospection {
  return {
    tokens: checks.oneOf('tokens', ['opaque', 'all'], 'opaque'),
    rememberSeconds: checks.seconds('rememberSeconds', 0, 0, 3600),
  }
}

function named(faults: readonly string[]): string[] {
  return faults.map((fault) => (fault.startsWith('introspection') ? fault : `introspection: ${fault}`))
}
