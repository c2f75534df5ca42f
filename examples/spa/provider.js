import { startTestProvider } from 'express-session-oidc/testing'

/**
 * A provider in this process, with Alice (roles `admin` and `user`) and Bob (role `user`). Its access tokens are short-lived, so
 * that a renewal can be watched. A library for tests it is: no passwords, and never for anything but loopback.
 *
 * @param {object} options
 * @param {string} options.clientId
 * @param {string} options.audience
 * @param {string[]} options.redirectUris
 * @param {string[]} options.postLogoutRedirectUris
 * @param {number} [options.accessTokenSeconds] default 60
 */
export function startProvider({ clientId, audience, redirectUris, postLogoutRedirectUris, accessTokenSeconds = 60 }) {
  return startTestProvider({
    // The pages' own name, so that their hidden frames get the provider's cookies: browsers keep them from other sites.
    hostname: 'localhost',
    clients: [{ clientId, redirectUris, postLogoutRedirectUris }],
    scopes: ['openid', 'profile', 'email', 'calendar.read'],
    audience,
    accessTokenSeconds,
    // Of a public client, refresh tokens are good once (RFC 9700 2.2.2).
    refreshTokens: 'rotating',
    refreshTokenForm: 'jwt',
  })
}
