/** For the specs of single use cases: an instance that needs no provider, and a request whose session is in memory. */
import type { Request } from 'express'
import session, { MemoryStore } from 'express-session'
import type { OidcEventName, OidcOptions, OidcProviderMetadata } from 'express-session-oidc'
import { makeInstance } from '../../../lib/http/make-instance.ts'
import type { Instance } from '../../../lib/logins/instance.ts'
import { MemoryRecords } from '../../../lib/store/memory-records.ts'
import { RequestSession } from '../../../lib/session/web-session.ts'
import { writeRecord } from '../../../lib/store/login-record.ts'
import { makeLoginKey, makeTokensKey } from '../../../lib/store/login-records.ts'
import type { LoginEntry } from '../../../lib/store/login-entry.ts'
import { Keys } from '../../../lib/tokens/key-set.ts'
import { secret } from '../../support/app.ts'
import { recordLog } from '../../support/log.ts'
import { oneProvider } from '../../support/one-provider.ts'

const issuer = 'https://id.example.com'

/** The configured metadata of the provider. */
export const stageMetadata: OidcProviderMetadata = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/jwks`,
}

/** An instance at https://app.example.com with configured provider metadata, which sends no request. */
export function instanceWith(more: Partial<OidcOptions> = {}): Instance {
  const options = oneProvider({
    issuer: stageMetadata,
    clientId: 'web',
    clientSecret: 'web-secret',
    baseUrl: 'https://app.example.com',
    secret,
    log: recordLog,
    ...more,
  })
  const instance = makeInstance(options)
  const keys = new Keys(
    () => Promise.reject(new Error('no keys are fetched')),
    () => {},
  )
  return { ...instance, keys }
}

/** The events of one kind that an instance emits from now on. */
export function heard(instance: Instance, name: OidcEventName): object[] {
  const events: object[] = []
  instance.events.on(name, (event) => void events.push(event))
  return events
}

export interface Stage {
  readonly store: MemoryStore
  readonly records: MemoryRecords
  readonly req: Request
  readonly session: RequestSession
  /** The id of the session that the request came with. */
  readonly id: string
}

/** A request whose session has these logins, each with tokens. */
export async function stageWith(entries: Readonly<Record<string, LoginEntry>> = {}): Promise<Stage> {
  const store = new MemoryStore()
  const records = new MemoryRecords()
  const req = { headers: {}, url: '/', originalUrl: '/', connection: {} } as unknown as Request
  const res = { on: () => {}, setHeader: () => {}, end: () => {}, writeHead: () => {} }
  session({ store, secret, resave: false, saveUninitialized: false })(req, res as never, () => {})
  const id = req.sessionID
  if (Object.keys(entries).length > 0) {
    req.session.hasLogins = 'elsewhere'
    await putLogins(records, id, entries, 1)
  }
  await new Promise<void>((resolve, reject) => {
    req.session.save((error: unknown) => (error ? reject(error) : resolve()))
  })
  return { store, records, req, session: new RequestSession(req, records), id }
}

/** Writes the logins of a session with their tokens; returns the text of the login record. */
export async function putLogins(
  records: MemoryRecords,
  id: string,
  entries: Readonly<Record<string, LoginEntry>>,
  version: number,
): Promise<string> {
  const text = writeRecord(entries, version, undefined)
  await records.set(makeLoginKey(id), text, 3600)
  for (const [name, { loginId }] of Object.entries(entries)) {
    await records.set(makeTokensKey(id, name), `tokens of ${loginId}`, 3600)
  }
  return text
}
