import { randomUUID } from 'node:crypto'
import type { TestClient } from './clients.ts'
import { getIssuer, type ProviderSession, type ProviderState, seconds } from './state.ts'
import { makeToken } from './tokens.ts'

/** The subject of a logout token: one session, or all sessions of a user. */
export interface TestLogoutSubject {
  /** Subject identifier of the user. Without `sid`, the token means all sessions of this user.
   * @default none
   * @example provider.logoutToken({ sub: 'alice' }) */
  readonly sub?: string | undefined
  /** Identifier of one session at the provider.
   * @default none: all sessions of `sub`
   * @example provider.logoutToken({ sid: 'session-1' }) */
  readonly sid?: string | undefined
}

/** The outcome of sending a logout token to a client. */
export interface TestLogoutDelivery {
  /** Identifier of the client. */
  readonly clientId: string
  /** HTTP status of the client's response; undefined if there was none within five seconds. */
  readonly status: number | undefined
}

/** As in Keycloak. */
const tokenSeconds = 120
/** Time limit for each client, because the browser waits for the end of the session. */
const deliveryMs = 5000

/** A logout token (OIDC Back-Channel Logout 1.0 section 2.4) with the faults applied; undefined if a fault omits it. */
export function logoutToken(
  provider: ProviderState,
  clientId: string,
  { sub, sid }: TestLogoutSubject,
): Promise<string | undefined> {
  const now = seconds(provider)
  const claims = {
    iss: getIssuer(provider),
    aud: clientId,
    iat: now,
    exp: now + tokenSeconds,
    jti: randomUUID(),
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    ...(sub === undefined ? {} : { sub }),
    ...(sid === undefined ? {} : { sid }),
  }
  return makeToken(provider, claims, 'logout+jwt', provider.faults.ofToken('logoutToken'), clientId)
}

/** Notifies all clients of a session that it has ended. */
export async function tellClients(provider: ProviderState, session: ProviderSession): Promise<TestLogoutDelivery[]> {
  const clients = [...session.clients].map((id) => provider.settings.clients.get(id))
  const told = await Promise.all(clients.map(async (client) => client && (await deliver(provider, client, session))))
  return told.filter((delivery) => delivery !== undefined)
}

async function deliver(
  provider: ProviderState,
  { clientId, backchannelLogoutUri: uri }: TestClient,
  { sub, sid }: ProviderSession,
): Promise<TestLogoutDelivery | undefined> {
  const token = uri === undefined ? undefined : await logoutToken(provider, clientId, { sub, sid })
  if (uri === undefined || token === undefined) return undefined
  try {
    const body = new URLSearchParams({ logout_token: token })
    const answer = await fetch(uri, { method: 'POST', body, signal: AbortSignal.timeout(deliveryMs) })
    await answer.arrayBuffer()
    return { clientId, status: answer.status }
  } catch {
    return { clientId, status: undefined }
  }
}
