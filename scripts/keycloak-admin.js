/** Requests to a running Keycloak: waits until it is ready, and imports realm files. */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** @typedef {{ file: string, name: string, text: string }} Realm */

/**
 * Reads and checks realm files before a server is started.
 *
 * @param {string[]} files
 * @returns {Realm[]}
 */
export function readRealms(files) {
  /** @type {Map<string, Realm>} */
  const realms = new Map()
  for (const file of files) {
    const text = readFileSync(file, 'utf8')
    const name = realmName(file, text)
    const other = realms.get(name)
    if (other) throw new Error(`${file}: realm "${name}" is in ${other.file} too: leave one of them out`)
    realms.set(name, { file, name, text })
  }
  return [...realms.values()]
}

/** @param {string} file @param {string} text @returns {string} */
function realmName(file, text) {
  let content
  try {
    content = JSON.parse(text)
  } catch (cause) {
    throw new Error(`${file}: not JSON: ${/** @type {Error} */ (cause).message}`, { cause })
  }
  if (typeof content?.realm === 'string' && content.realm) return content.realm
  throw new Error(`${file}: not a realm file: its member "realm", the realm's name, is missing`)
}

/**
 * Waits until the server answers for its master realm.
 *
 * @param {string} url
 * @param {{ seconds: number, signal?: AbortSignal }} options
 */
export async function untilReady(url, { seconds, signal }) {
  const end = Date.now() + seconds * 1000
  for (;;) {
    if (signal?.aborted || (await hasRealm(url, 'master'))) return
    if (Date.now() > end) throw new Error(`no Keycloak answered at ${url} within ${seconds} seconds`)
    await pause(200)
  }
}

/**
 * Imports the realms that the server lacks. A realm that it already has is left unchanged, since somebody may use it.
 *
 * @param {string} url
 * @param {Realm[]} realms
 * @param {{ username: string | undefined, password: string | undefined, onProgress: (line: string) => void }} options
 */
export async function importRealms(url, realms, { username, password, onProgress }) {
  for (const { file, name, text } of realms) {
    if (await hasRealm(url, name)) {
      onProgress(`realm ${name} already exists and is left unchanged (delete it to import ${file})`)
      continue
    }
    if (!username || !password) {
      throw new Error(
        `${url} has no realm "${name}": import ${file} there, or set KEYCLOAK_ADMIN and KEYCLOAK_ADMIN_PASSWORD`,
      )
    }
    onProgress(`importing realm ${name}`)
    // Each import gets a new token, because those of admin-cli expire after one minute.
    const authorization = `Bearer ${await adminToken(url, username, password)}`
    const headers = { authorization, 'content-type': 'application/json' }
    const answer = await fetch(`${url}/admin/realms`, { method: 'POST', headers, body: text })
    if (!answer.ok) throw new Error(`${file}: Keycloak refused it: ${answer.status} ${await answer.text()}`)
  }
}

/** @param {string} url @param {string} realm @returns {Promise<boolean>} */
async function hasRealm(url, realm) {
  const address = `${url}/realms/${encodeURIComponent(realm)}/.well-known/openid-configuration`
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(5000) })
    await answer.body?.cancel()
    return answer.status === 200
  } catch {
    return false
  }
}

/** @param {string} url @param {string} username @param {string} password @returns {Promise<string>} */
async function adminToken(url, username, password) {
  const answer = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', username, password }),
  })
  if (!answer.ok) {
    const why = `${answer.status} ${await answer.text()}`
    throw new Error(`${url} rejects KEYCLOAK_ADMIN and KEYCLOAK_ADMIN_PASSWORD: ${why}`)
  }
  const { access_token: token } = /** @type {{ access_token: string }} */ (await answer.json())
  return token
}
