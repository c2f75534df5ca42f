/** Logout tokens (OIDC Back-Channel Logout 2.4), and their delivery. */
import { randomUUID } from 'node:crypto'
import type { TestProvider } from 'express-session-oidc/testing'

/** The claim `events` of a logout token. */
export const logoutEvents = { 'http://schemas.openid.net/event/backchannel-logout': {} }

/** A logout token of the provider; members that are `undefined` are left out. */
export function logoutToken(provider: TestProvider, claims: object, header: object = {}): Promise<string> {
  const iat = Math.floor(Date.now() / 1000)
  const whole = {
    iss: provider.issuer,
    aud: provider.clientId,
    iat,
    exp: iat + 120,
    jti: randomUUID(),
    events: logoutEvents,
    ...claims,
  }
  return provider.sign(JSON.parse(JSON.stringify(whole)), { typ: 'logout+jwt', ...header })
}

/** Posts a form to the back-channel logout route. */
export async function deliver(url: string, form: Record<string, string> | URLSearchParams): Promise<Response> {
  return fetch(url, { method: 'POST', body: new URLSearchParams(form) })
}
