// @ts-nocheck: runs in the browser, whose types are not part of this program.
import { ErrorResponse, InMemoryWebStorage, UserManager, WebStorageStateStore } from 'oidc-client-ts'
import { startPage } from './page.js'
import { basicScope, scopeOf } from './scope.js'

/** Errors after which there is no login (RFC 6749 5.2, OIDC Core 3.1.2.6). After others it may still exist. */
const over = new Set(['invalid_grant', 'login_required', 'interaction_required', 'consent_required'])

await startPage(({ issuer, clientId, pageUrl, silentUrl }, listener) => {
  const manager = new UserManager({
    authority: issuer,
    client_id: clientId,
    redirect_uri: pageUrl,
    silent_redirect_uri: silentUrl,
    post_logout_redirect_uri: pageUrl,
    scope: basicScope,
    // Tokens last as long as the page. State that outlives the redirect is in this tab's sessionStorage, not localStorage.
    userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
    stateStore: new WebStorageStateStore({ store: sessionStorage }),
    accessTokenExpiringNotificationTimeInSeconds: 5,
    // This script renews tokens itself, one renewal at a time: a refresh token is single-use.
    automaticSilentRenew: false,
  })
  let user
  manager.events.addAccessTokenExpiring(() => void renew())

  let renewing
  const renew = () => (renewing ??= renewOnce().finally(() => (renewing = undefined)))
  async function renewOnce() {
    if (!user) return false
    try {
      user = await manager.signinSilent()
      listener.renewed()
      return true
    } catch (error) {
      if (!(error instanceof ErrorResponse && over.has(error.error))) {
        listener.unreachable()
        return false
      }
      user = undefined
      await manager.removeUser()
      listener.ended()
      return false
    }
  }

  /** Finishes the login with the response in the URL, and removes it from the URL. */
  async function finish() {
    const address = location.href
    history.replaceState(null, '', pageUrl)
    user = await manager.signinRedirectCallback(address)
  }

  /** Finds an existing login at the provider, in a hidden frame, after a reload. */
  async function find() {
    try {
      user = await manager.signinSilent()
    } catch (error) {
      if (!(error instanceof ErrorResponse && over.has(error.error))) throw error
    }
  }

  return {
    async begin() {
      const query = new URLSearchParams(location.search)
      if (query.has('state') && (query.has('code') || query.has('error'))) return finish()
      if (query.has('state')) history.replaceState(null, '', pageUrl)
      return find()
    },
    person: () =>
      user && { name: user.profile.name ?? user.profile.sub, scope: user.scope ?? '', expires: user.expires_at },
    async accessToken() {
      if (user?.expires_in < 5) await renew()
      return user?.access_token
    },
    logIn: ({ scope, acrValues, maxAge } = {}) =>
      manager.signinRedirect({
        scope: scopeOf(user?.scope, scope),
        ...(acrValues !== undefined && { acr_values: acrValues }),
        ...(maxAge !== undefined && { max_age: maxAge }),
      }),
    renew,
    async logOut() {
      // The library sends the ID token as hint, and then forgets the user.
      await manager.signoutRedirect()
      user = undefined
      listener.changed()
    },
  }
})
