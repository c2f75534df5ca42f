/** Fills a Redis with many logins: copies of one real login that the package treats as separate logins. */
import { randomBytes, randomUUID } from 'node:crypto'
import { freemem } from 'node:os'
import { sign } from 'cookie-signature'
import { figure, progress } from './figures.js'
import { makeRequest } from './load.js'
import { logIn, startSubject } from './login.js'
import { startRedis } from './processes.js'
import { secret } from './subjects/settings.js'
import { user } from './user.js'

export const loginsOfUser = 10
/** Users that one command copies. */
const usersAtOnce = 500

/**
 * @typedef {object} Login
 * @property {string} session
 * @property {string} id
 * @property {string} sub
 * @property {string} sid
 *
 * @typedef {{ sub: string, logins: readonly Login[] }} User
 */

// The package does not export this module, so it is found by its path.
const groups = await import(new URL('store/login-groups.js', import.meta.resolve('express-session-oidc')).href)

/** As many logins as fit into the memory of the machine, with a margin. @param {number} wanted @param {number} bytesEach */
export function fitting(wanted, bytesEach) {
  const most = Math.floor((freemem() * 0.6) / bytesEach)
  if (most >= wanted) return wanted
  console.log(`notice: the memory suffices for ${figure(most)} logins only\n`)
  return most
}

/**
 * Starts a Redis with `wanted` logins, ten per user, and the subject that uses it. Returns targets for the first `keep`
 * logins only.
 *
 * @param {import('./subjects.js').Subject} subject
 * @param {{ ready: { issuer: string, clientId: string } }} provider
 * @param {number} wanted
 * @param {number} [keep]
 */
export async function fill(subject, provider, wanted, keep = 0) {
  const redis = await startRedis()
  const running = await startSubject(subject, { redis, provider })
  const { body, cookie } = await logIn(running)
  const original = await readOriginal(redis.client, cookie)
  const addUsers = (/** @type {number} */ count) => copyLogins(redis.client, original, count)
  await checkCopies(running.url, addUsers)

  const users = Math.max(1, Math.round(wanted / loginsOfUser))
  const count = users * loginsOfUser
  const before = await usedMemory(redis.client)
  /** @type {Login[]} */
  const kept = []
  for (let done = 0; done < users; done += usersAtOnce) {
    const added = await addUsers(Math.min(usersAtOnce, users - done))
    if (kept.length < keep) kept.push(...added.flatMap(({ logins }) => logins))
    progress(`${figure(Math.min(users, done + usersAtOnce) * loginsOfUser)} logins`)
  }
  progress('')
  const bytes = (await usedMemory(redis.client)) - before
  return {
    url: running.url,
    process: running.process,
    client: redis.client,
    count,
    bytesOfLogin: bytes / count,
    megabytes: bytes / 1e6,
    addUsers,
    /** Guarded requests of some of the logins that were kept. @param {number} from @param {number} to */
    target(from, to) {
      const logins = kept.slice(from, to)
      return {
        url: running.url,
        requests: logins.map(({ session }) => makeRequest(running.url, getCookie(session))),
        body: logins.map(({ sub }) => body.replace(user.sub, sub)),
      }
    },
  }
}

/** @param {string} session */
export function getCookie(session) {
  return `connect.sid=${encodeURIComponent(`s:${sign(session, secret)}`)}`
}

/** The status of a guarded route. @param {string} url @param {string} cookie */
export async function getStatus(url, cookie) {
  const answer = await fetch(new URL('/me', url), { headers: { cookie, accept: 'application/json' } })
  await answer.arrayBuffer()
  return answer.status
}

/** A placeholder for one of the names of a login. @param {string} name */
const place = (name) => `\u0001${name}\u0002`

/**
 * The records of a login that last for more than an hour, with placeholders for its names. The record that marks its
 * authorization response as used is shorter-lived, and is left out.
 *
 * @param {any} client
 * @param {string} cookie
 */
async function readOriginal(client, cookie) {
  const session = /** @type {RegExpMatchArray} */ (decodeURIComponent(cookie).match(/s:([^.]+)\./))[1]
  const record = JSON.parse(await client.get(`oidc:{sess:${session}}`))
  const [entry] = Object.values(record.entries)
  const { loginId, owner, sub, sid } = entry
  const subGroup = groups.makeGroupId(owner, { sub })
  const sidGroup = groups.makeGroupId(owner, { sid })
  // Otherwise all copies would be rechecked while the bench runs, with tokens of the original.
  const unchecked = `"checkedAt":${entry.checkedAt}`
  const checked = `"checkedAt":${entry.checkedAt + 86_400}`
  const names = Object.entries({ session, loginId, sub, sid, subGroup, sidGroup })
  const template = (/** @type {string} */ text) =>
    names.reduce((rest, [name, value]) => rest.replaceAll(value, place(name)), text.replace(unchecked, checked))
  const records = []
  for (const key of await client.keys('*')) {
    const seconds = await client.ttl(key)
    if (seconds <= 3600) continue
    const isSet = (await client.type(key)) === 'zset'
    const [value, ...others] = isSet ? await client.zRange(key, 0, -1) : [await client.get(key)]
    if (others.length > 0) throw new Error(`${key}: more than one login`)
    records.push({ key: template(key), value: template(value), seconds, isSet })
  }
  const keys = records.map(({ key }) => key).toSorted()
  const expected = [
    `oidc:login:${place('loginId')}`,
    `oidc:logins:${place('sidGroup')}`,
    `oidc:logins:${place('subGroup')}`,
    `oidc:{sess:${place('session')}}`,
    `oidc:{sess:${place('session')}}:tokens:default`,
    `sess:${place('session')}`,
  ]
  if (JSON.stringify(keys) !== JSON.stringify(expected)) throw new Error(`a login has other keys: ${keys.join(', ')}`)
  return { records, owner }
}

/**
 * Adds users with ten logins each. A script copies them within Redis, so that only the new names are sent.
 *
 * @param {any} client
 * @param {Awaited<ReturnType<typeof readOriginal>>} original
 * @param {number} count
 * @returns {Promise<User[]>}
 */
async function copyLogins(client, { records, owner }, count) {
  const users = Array.from({ length: count }, () => {
    const sub = randomUUID()
    const logins = Array.from({ length: loginsOfUser }, () => ({
      session: randomBytes(24).toString('base64url'),
      id: randomBytes(16).toString('base64url'),
      sub,
      sid: randomUUID(),
    }))
    return { sub, logins }
  })
  const names = users.flatMap(({ sub, logins }) => {
    const subGroup = groups.makeGroupId(owner, { sub })
    return logins.flatMap(({ session, id, sid }) => [
      session,
      id,
      sub,
      sid,
      subGroup,
      groups.makeGroupId(owner, { sid }),
    ])
  })
  await client.eval(copyScript, { arguments: [JSON.stringify(records), ...names] })
  return users
}

const copyScript = `
local now = tonumber(redis.call('TIME')[1])
local records = cjson.decode(ARGV[1])
for _, record in ipairs(records) do record.varies = record.value:find('\\1', 1, true) end
for i = 2, #ARGV, 6 do
  local names = {
    session = ARGV[i], loginId = ARGV[i + 1], sub = ARGV[i + 2], sid = ARGV[i + 3],
    subGroup = ARGV[i + 4], sidGroup = ARGV[i + 5],
  }
  for _, record in ipairs(records) do
    local key = record.key:gsub('\\1(%a+)\\2', names)
    local value = record.value
    if record.varies then value = value:gsub('\\1(%a+)\\2', names) end
    if record.isSet then
      redis.call('ZADD', key, now + record.seconds, value)
      redis.call('EXPIREAT', key, now + record.seconds)
    else
      redis.call('SET', key, value, 'EX', record.seconds)
    end
  end
end
return 1`

/**
 * Throws unless the package treats the copies as logins. Otherwise the bench would measure nothing.
 *
 * @param {string} url
 * @param {(count: number) => Promise<User[]>} addUsers
 */
async function checkCopies(url, addUsers) {
  const [{ sub, logins }] = await addUsers(1)
  const statuses = async () =>
    [...new Set(await Promise.all(logins.map(({ session }) => getStatus(url, getCookie(session)))))].join(', ')
  const listed = async () => Number(await (await fetch(new URL(`/logins/${sub}`, url))).text())
  const before = { statuses: await statuses(), listed: await listed() }
  const { ended } = await endLogins(url, sub)
  const after = { statuses: await statuses(), listed: await listed() }
  const seen = JSON.stringify({ before, ended, after })
  const wanted = JSON.stringify({
    before: { statuses: '200', listed: loginsOfUser },
    ended: loginsOfUser,
    after: { statuses: '401', listed: 0 },
  })
  if (seen !== wanted) throw new Error(`the copies do not work as logins: ${seen}`)
}

/** Lets the application end all logins of a user. @param {string} url @param {string} sub @returns {Promise<{ ended: number, ms: number }>} */
export async function endLogins(url, sub) {
  const answer = await fetch(new URL(`/logins/${sub}/end`, url), { method: 'POST' })
  if (answer.status !== 200) throw new Error(`ending logins: ${answer.status} ${await answer.text()}`)
  return await answer.json()
}

/** @param {any} client */
async function usedMemory(client) {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
}
