// @ts-nocheck: runs in the browser, whose types are not part of this program.
import Keycloak from 'keycloak-js'
import { startPage } from './page.js'
import { basicScope, scopeOf } from './scope.js'

await startPage(({ issuer, clientId, pageUrl, silentUrl }, listener) => {
  const keycloak = new Keycloak({ clientId, ...providerOf(issuer) })
  // During a logout, dropping the token must not be reported as a session that has ended.
  let leaving = false
  keycloak.onAuthLogout = () => (leaving ? listener.changed() : listener.ended())
  keycloak.onAuthRefreshSuccess = () => listener.renewed()
  keycloak.onTokenExpired = () => void renew()

  /** Concurrent callers share one refresh. If the provider rejects it, the library drops the tokens. */
  async function renew(seconds = -1) {
    if (!keycloak.authenticated) return false
    try {
      return await keycloak.updateToken(seconds)
    } catch {
      if (keycloak.authenticated) listener.unreachable()
      return false
    }
  }

  return {
    async begin() {
      await keycloak.init({
        // Tokens are in memory only: after a reload the page asks the provider in a hidden frame.
        onLoad: 'check-sso',
        silentCheckSsoRedirectUri: silentUrl,
        redirectUri: pageUrl,
        scope: basicScope,
        pkceMethod: 'S256',
        responseMode: 'query',
        // This check asks a page of Keycloak for the session every five seconds, which needs third-party cookies. The next
        // renewal detects the end of the session in every browser.
        checkLoginIframe: false,
      })
    },
    person: () =>
      keycloak.authenticated
        ? {
            name: keycloak.idTokenParsed?.name ?? keycloak.subject,
            scope: keycloak.tokenParsed.scope ?? '',
            expires: keycloak.tokenParsed.exp,
          }
        : undefined,
    async accessToken() {
      await renew(5)
      return keycloak.token
    },
    logIn: ({ scope, acrValues, maxAge } = {}) =>
      keycloak.login({
        redirectUri: pageUrl,
        scope: scopeOf(keycloak.tokenParsed?.scope, scope),
        acrValues,
        maxAge,
      }),
    renew: () => renew(),
    async logOut() {
      const url = keycloak.createLogoutUrl({ redirectUri: pageUrl })
      leaving = true
      keycloak.clearToken()
      location.assign(url)
    },
  }
})

/** Recognizes a Keycloak realm by its URL; any other provider is configured by its metadata. */
function providerOf(issuer) {
  const [, url, realm] = /^(.+)\/realms\/([^/]+)$/.exec(issuer) ?? []
  return url === undefined ? { oidcProvider: issuer } : { url, realm: decodeURIComponent(realm) }
}
