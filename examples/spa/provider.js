import { startTestProvider } from 'express-session-oidc/testing'

/**
 * Starts a provider in this process, with Alice (roles `admin` and `user`) and Bob (role `user`). Its access tokens are
 * short-lived, so that a renewal can be observed. It is a library for tests and has no passwords: use it on loopback only.
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
    // The host of the pages, so that their hidden frames get the provider's cookies: browsers block those of other sites.
    hostname: 'localhost',
    clients: [{ clientId, redirectUris, postLogoutRedirectUris }],
    scopes: ['openid', 'profile', 'email', 'calendar.read'],
    audience,
    accessTokenSeconds,
    // Refresh tokens of a public client are single-use (RFC 9700 2.2.2).
    refreshTokens: 'rotating',
    refreshTokenForm: 'jwt',
  })
}
