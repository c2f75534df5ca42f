// @ts-nocheck: runs in the browser, whose types are not part of this program.
import { bearerChallenge } from './challenge.js'

/**
 * Calls the API with the access token, if there is one. A token that the API rejects is renewed once.
 *
 * @param {import('./page.js').Login} login
 * @param {string} url
 * @param {string} method
 */
export async function callApi(login, url, method) {
  const answer = await send(login, url, method)
  if (answer.challenge.error !== 'invalid_token' || !(await login.renew())) return answer
  return send(login, url, method)
}

async function send(login, url, method) {
  const token = await login.accessToken()
  const headers = { accept: 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  const response = await fetch(url, { method, headers })
  return {
    ok: response.ok,
    status: response.status,
    statusText: response.statusText,
    body: await response.text(),
    challenge: bearerChallenge(response.headers.get('www-authenticate')),
  }
}
