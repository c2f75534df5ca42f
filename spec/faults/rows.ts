/** The rows of the fault table: what fails, and the answer to each step. */
import type { createClient } from 'redis'
import type { OidcOptions } from 'express-session-oidc'
import type { Expected } from '../support/fault-cell.ts'
import type { FaultRedis } from '../support/fault-redis.ts'
import { askedEndpoints, type AskedEndpoint, type ProviderFault } from '../support/fault-stage.ts'
import { withId } from '../support/ids.ts'

/** The answers without any fault. */
const well = {
  login: '302 to provider',
  callback: '303 to /notes',
  'guarded page': '200 alice',
  'guarded fetch': '200 alice',
  logout: '200 to provider',
} as const satisfies Expected

export interface StoreRow {
  readonly fault: string
  readonly strike: (redis: FaultRedis) => unknown
  readonly heal: (redis: FaultRedis) => unknown
  readonly expected: Expected
  /** The `detail` of the event. */
  readonly detail?: RegExp
  /** `timeoutSeconds` of the store, in seconds, which the step waits for. Default: that of the store. */
  readonly waits?: number
  /** Connects through a proxy in front of Redis. */
  readonly line?: boolean
  readonly client?: NonNullable<Parameters<typeof createClient>[0]>
  readonly losesAll?: boolean
}

const away: Expected = {
  login: '503 store',
  callback: '503 store',
  'guarded page': '503 store',
  'guarded fetch': '503 store',
  logout: '503 store',
}
/** A time-out, or a lost connection. */
const detail = /did not respond within|socket/i
const kill = { strike: (redis: FaultRedis) => redis.kill(), heal: (redis: FaultRedis) => redis.restart() }
const cut = { strike: (redis: FaultRedis) => redis.cut(), heal: (redis: FaultRedis) => redis.mend(), line: true }
const set = (name: string, value: string) => (redis: FaultRedis) => redis.command('CONFIG', 'SET', name, value)
/** Without its offline queue, the client rejects commands at once while it is disconnected. */
const client = { disableOfflineQueue: true }

export const storeRows: readonly StoreRow[] = [
  { fault: withId('rows-1', 'Redis is killed'), ...kill, expected: away, detail, waits: 0.5 },
  { fault: 'Redis is killed (disableOfflineQueue)', ...kill, expected: away, detail: /offline|socket/i, client },
  { fault: 'Redis refuses connections', ...cut, expected: away, detail, waits: 0.5 },
  {
    fault: 'Redis refuses connections (disableOfflineQueue)',
    ...cut,
    expected: away,
    detail: /offline|socket/i,
    client,
  },
  {
    fault: withId('rows-2', 'Redis is paused'),
    strike: (redis) => redis.pause(),
    heal: (redis) => redis.resume(),
    expected: away,
    detail,
    waits: 0.5,
  },
  {
    fault: withId('rows-3', 'Redis answers too late'),
    strike: (redis) => redis.delay(750),
    heal: (redis) => redis.delay(0),
    line: true,
    expected: away,
    detail,
    waits: 0.5,
  },
  {
    fault: withId('rows-4', 'Redis answers late, but in time'),
    strike: (redis) => redis.delay(40),
    heal: (redis) => redis.delay(0),
    line: true,
    expected: well,
  },
  {
    fault: 'Redis is read-only: a replica',
    strike: (redis) => redis.command('REPLICAOF', '127.0.0.1', '1'),
    heal: (redis) => redis.command('REPLICAOF', 'NO', 'ONE'),
    detail: /READONLY/,
    expected: { ...well, callback: '503 store', logout: '503 store' },
  },
  {
    fault: 'Redis is read-only: min-replicas-to-write',
    strike: set('min-replicas-to-write', '1'),
    heal: set('min-replicas-to-write', '0'),
    detail: /NOREPLICAS/,
    expected: { ...well, callback: '503 store', logout: '503 store' },
  },
  {
    fault: withId('rows-5', 'Redis is out of memory'),
    strike: set('maxmemory', '1'),
    heal: set('maxmemory', '0'),
    detail: /OOM/,
    // A logout only deletes, which Redis permits without memory.
    expected: { ...well, callback: '503 store' },
  },
  {
    fault: withId('rows-6', 'Redis was emptied'),
    strike: (redis) => redis.command('FLUSHALL'),
    heal: () => {},
    expected: { ...well, 'guarded page': '302 to provider', 'guarded fetch': '401', logout: '200 to /' },
    losesAll: true,
  },
]

export interface ProviderRow {
  readonly fault: string
  readonly endpoints: readonly AskedEndpoint[]
  readonly answer: ProviderFault
  readonly expected: Expected
  /** The `detail` of the event. */
  readonly detail: RegExp
  /** What the process has fetched before the fault. */
  readonly knows: 'nothing' | 'metadata' | 'metadata and keys'
  readonly options: Partial<OidcOptions>
  /** The time-out that the step waits for, in seconds. */
  readonly waits?: number | undefined
}

interface Trouble {
  readonly name: string
  readonly answer: ProviderFault
  readonly detail: RegExp
  readonly waits?: number
  /** Whether waiting does not help a process that has no metadata: they are not those of a provider, or cannot be trusted. */
  readonly isPermanent?: boolean
  /** The endpoints at which this violates the protocol instead of counting as an outage. */
  readonly breaks?: readonly AskedEndpoint[]
}

const troubles: readonly Trouble[] = [
  { name: withId('rows-7', 'is down'), answer: { way: 'refused' }, detail: /ECONNREFUSED/ },
  { name: 'is too slow', answer: { answer: { hang: true } }, detail: /timeout/, waits: 0.5 },
  { name: withId('rows-8', 'answers 500'), answer: { answer: { status: 500 } }, detail: /status 500/ },
  {
    name: withId('rows-9', 'answers HTML'),
    answer: { answer: { html: true } },
    detail: /SyntaxError|NOT_JSON|NOT_CONFORM/,
    isPermanent: true,
  },
  { name: 'answers 10 MB', answer: { answer: { bytes: 10_000_000 } }, detail: /exceeds/ },
  { name: 'truncates its response', answer: { answer: { truncate: true } }, detail: /terminated/ },
  { name: 'does not speak TLS', answer: { way: 'no TLS' }, detail: /SSL/ },
  { name: 'has an untrusted certificate', answer: { way: 'untrusted' }, detail: /SELF_SIGNED_CERT/, isPermanent: true },
  {
    name: 'answers unexpected JSON',
    answer: { answer: { body: { hello: 'world' } } },
    detail: /OAUTH_INVALID_RESPONSE|NOT_CONFORM|keys is not an array|sub differs from/,
    breaks: ['token', 'userinfo', 'par'],
    isPermanent: true,
  },
]

const down = '503 provider'

export const providerRows: readonly ProviderRow[] = troubles.flatMap(
  ({ name, answer, detail, waits, isPermanent = false, breaks = [] }) => {
    const unknown = isPermanent ? '500 misconfigured' : down
    const at = (endpoint: AskedEndpoint): string => (breaks.includes(endpoint) ? '502 response' : down)
    // Without `waits` the time-out must not expire, not even on a busy machine.
    const options: Partial<OidcOptions> = { providerTimeoutSeconds: waits ?? 10 }
    const common = { answer, detail, waits, options }
    return [
      {
        ...common,
        fault: `the provider ${name} (new process)`,
        endpoints: askedEndpoints,
        knows: 'nothing',
        expected: { ...well, login: unknown, callback: unknown, logout: '200 to /' },
      },
      {
        ...common,
        fault: `the provider ${name} (metadata and keys cached)`,
        endpoints: askedEndpoints,
        knows: 'metadata and keys',
        expected: { ...well, callback: at('token') },
      },
      {
        ...common,
        fault: `the key set endpoint ${name}`,
        endpoints: ['jwks'],
        knows: 'metadata',
        expected: { callback: at('jwks') },
      },
      {
        ...common,
        fault: `the userinfo endpoint ${name}`,
        endpoints: ['userinfo'],
        knows: 'metadata and keys',
        options: { ...options, userInfo: true },
        expected: { callback: at('userinfo') },
      },
      {
        ...common,
        fault: `the PAR endpoint ${name}`,
        endpoints: ['par'],
        knows: 'metadata and keys',
        options: { ...options, par: true },
        expected: { login: at('par') },
      },
    ] satisfies ProviderRow[]
  },
)
