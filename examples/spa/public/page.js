// @ts-nocheck: runs in the browser, whose types are not part of this program.
/**
 * The behavior that both pages share, whichever library they use.
 *
 * @typedef {object} Login
 * @property {() => Promise<void>} begin finishes a login after the redirect back, or finds an existing login at the provider
 * @property {() => Person | undefined} person the user who is logged in
 * @property {() => Promise<string | undefined>} accessToken
 * @property {(wanted?: Wanted) => Promise<void>} logIn leaves the page
 * @property {() => Promise<boolean>} renew resolves to whether there is a new access token
 * @property {() => Promise<void>} logOut leaves the page
 *
 * @typedef {{ name: string, scope: string, expires: number }} Person `expires` in seconds
 * @typedef {{ scope?: string, acrValues?: string, maxAge?: number }} Wanted
 * @typedef {{ issuer: string, clientId: string, apiUrl: string, pageUrl: string, silentUrl: string }} Settings
 * @typedef {{ renewed(): void, changed(): void, ended(): void, unreachable(): void }} Listener
 */
import { callApi } from './call-api.js'
import { emptyAnswer, showAnswer, showNotice, showPerson, showRenewal } from './view.js'

const { apiUrl, issuer, clientId } = document.querySelector('#settings').dataset

/** @param {(settings: Settings, listener: Listener) => Login} makeLogin */
export async function startPage(makeLogin) {
  const pageUrl = location.origin + location.pathname
  const login = makeLogin(
    { issuer, clientId, apiUrl, pageUrl, silentUrl: `${pageUrl}/silent` },
    {
      renewed: () => showRenewal(login.person()),
      changed: () => showPerson(login.person()),
      ended: () => {
        emptyAnswer()
        showPerson(undefined)
        showNotice('Your session has ended: log in again.')
      },
      unreachable: () => showNotice('The access token could not be renewed. Your next call tries again.'),
    },
  )

  document.querySelector('#log-in').addEventListener('click', () => guarded(() => login.logIn()))
  document.querySelector('#log-out').addEventListener('click', () => guarded(() => login.logOut()))
  for (const button of document.querySelectorAll('[data-path]')) {
    button.addEventListener('click', () => guarded(() => call(login, button)))
  }
  // The back/forward cache may restore the page from before a logout, scripts and tokens included.
  addEventListener('pageshow', ({ persisted }) => persisted && location.reload())

  const waiting = takeWaiting()
  await guarded(() => login.begin())
  showPerson(login.person())
  const button = waiting && document.getElementById(waiting.call)
  if (button && login.person()) await guarded(() => call(login, button, waiting.asked))
}

/** @param {boolean} [asked] whether the provider was already asked for the requirements of the API */
async function call(login, button, asked = false) {
  const { method, path } = button.dataset
  button.setAttribute('aria-disabled', 'true')
  emptyAnswer()
  try {
    const answer = await callApi(login, apiUrl + path, method)
    const { error, scope, acr_values: acrValues, max_age: maxAge } = answer.challenge
    const wanted = { scope, acrValues, maxAge: maxAge === undefined ? undefined : Number(maxAge) }
    // RFC 9470: the API says which login it requires. It is requested once, because the provider may be unable to do it.
    if (error === 'insufficient_user_authentication' && !asked) return await leaveFor(login, button, wanted)
    const ask =
      error === 'insufficient_scope' && scope && !asked && (() => guarded(() => leaveFor(login, button, wanted)))
    showAnswer(answer, { ask, asked })
  } finally {
    button.removeAttribute('aria-disabled')
  }
}

const key = 'waiting'

/** Leaves the page for the provider, to return and repeat the call. The stored data contain no token. */
async function leaveFor(login, button, wanted) {
  sessionStorage.setItem(key, JSON.stringify({ call: button.id, page: location.pathname, asked: true }))
  await login.logIn(wanted)
}

function takeWaiting() {
  const waiting = JSON.parse(sessionStorage.getItem(key) ?? 'null')
  sessionStorage.removeItem(key)
  // A user who returns without a login has changed their mind.
  const isBack = new URLSearchParams(location.search).has('code')
  return isBack && waiting?.page === location.pathname ? waiting : undefined
}

async function guarded(run) {
  try {
    await run()
  } catch (error) {
    const { error: code, error_description: description, message } = error ?? {}
    if (code === 'access_denied') showNotice('The login was canceled.')
    else showNotice(`That did not work: ${description ?? message ?? code}`)
  }
}
