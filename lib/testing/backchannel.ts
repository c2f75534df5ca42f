import { randomUUID } from 'node:crypto'
import type { TestClient } from './clients.ts'
import { issuerOf, type ProviderSession, type ProviderState, seconds } from './state.ts'
import { makeToken } from './tokens.ts'

/** Who a logout token is about: one session, or all of a user. */
export interface LogoutSubject {
  readonly sub?: string | undefined
  readonly sid?: string | undefined
}

/** A logout token that was sent to a client. */
export interface LogoutDelivery {
  readonly clientId: string
  /** The status of the answer; undefined where there was none in time. */
  readonly status: number | undefined
}

/** As Keycloak has it. */
const tokenSeconds = 120
/** The end of a session waits for so long for each client: the browser waits with it. */
const deliveryMs = 5000

/** A logout token (OIDC Back-Channel Logout 1.0 section 2.4), as the faults want it; undefined: it is to be left out. */
export function logoutToken(
  provider: ProviderState,
  clientId: string,
  { sub, sid }: LogoutSubject,
): Promise<string | undefined> {
  const now = seconds(provider)
  const claims = {
    iss: issuerOf(provider),
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

/** Tells all clients that took part in a session that it has ended. */
export async function tellClients(provider: ProviderState, session: ProviderSession): Promise<LogoutDelivery[]> {
  const clients = [...session.clients].map((id) => provider.settings.clients.get(id))
  const told = await Promise.all(clients.map(async (client) => client && (await deliver(provider, client, session))))
  return told.filter((delivery) => delivery !== undefined)
}

async function deliver(
  provider: ProviderState,
  { clientId, backchannelLogoutUri: uri }: TestClient,
  { sub, sid }: ProviderSession,
): Promise<LogoutDelivery | undefined> {
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
