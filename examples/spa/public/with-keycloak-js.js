// @ts-nocheck: runs in the browser, whose types are not part of this program.
import Keycloak from 'keycloak-js'
import { startPage } from './page.js'
import { basicScope, scopeOf } from './scope.js'

await startPage(({ issuer, clientId, pageUrl, silentUrl }, listener) => {
  const keycloak = new Keycloak({ clientId, ...providerOf(issuer) })
  // The token that is being given up by a logout is no login that has ended by itself.
  let leaving = false
  keycloak.onAuthLogout = () => (leaving ? listener.changed() : listener.ended())
  keycloak.onAuthRefreshSuccess = () => listener.renewed()
  keycloak.onTokenExpired = () => void renew()

  /** A refresh that is under way already serves all who ask; where the provider refuses it, the library drops the tokens. */
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
        // Tokens are nowhere but in memory: after a reload the provider is asked in a hidden frame.
        onLoad: 'check-sso',
        silentCheckSsoRedirectUri: silentUrl,
        redirectUri: pageUrl,
        scope: basicScope,
        pkceMethod: 'S256',
        responseMode: 'query',
        // It asks a page of Keycloak every five seconds whether the session is there, for which browsers must give that page its
        // cookies. The next renewal finds it out in every browser.
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

/** A realm of Keycloak by the layout of its URLs, any other provider by its metadata. */
function providerOf(issuer) {
  const [, url, realm] = /^(.+)\/realms\/([^/]+)$/.exec(issuer) ?? []
  return url === undefined ? { oidcProvider: issuer } : { url, realm: decodeURIComponent(realm) }
}
