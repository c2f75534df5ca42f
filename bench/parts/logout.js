/** Logins ended by user and by back-channel logout, with few and many logins in Redis, beside express-openid-connect. */
import { once } from 'node:events'
import { request } from 'node:http'
import { randomUUID } from 'node:crypto'
import { createUserAgent } from 'express-session-oidc/testing'
import { commandsDuring, commandsEach, countByName, sum } from '../commands.js'
import { figure, heading, median, medianRatio, progress, table } from '../figures.js'
import { getCookie, endLogins, fill, fitting, loginsOfUser, getStatus } from '../fill.js'
import { load, makeRequest, warmUp } from '../load.js'
import { logIn, startSubject } from '../login.js'
import { startProcess, startRedis } from '../processes.js'
import { takeTurns } from '../rounds.js'
import { ours, subjects } from '../subjects.js'
import { user } from '../user.js'
import { few, subject } from './scale.js'

const peer = { name: 'express-openid-connect-logout', label: 'express-openid-connect, Redis', note: '' }
const peerLogins = 10
/** Logouts of each kind in a round. */
const each = 30
/** Rounds that are not measured: after them V8 has compiled the code that is measured. */
const warmUpRounds = 3

/**
 * One kind of logout for one subject.
 *
 * @typedef {object} Logout
 * @property {string} kind
 * @property {string} by the subject, if it is not this package
 * @property {string} where the number of logins in Redis
 * @property {any} client of its Redis
 * @property {(count: number) => Promise<(() => Promise<number>)[]>} prepare creates the logins to end; returns functions
 *   that end them and resolve to the milliseconds that this took
 * @property {string} commands
 * @property {number[]} ms
 */

const sequel =
  ' The next login of the same user removes the mark: a session that a logout by sub had ended, and that was not used in ' +
  'between, was then logged in again.'

const kinds = {
  end: `logins.end({ sub }), ${loginsOfUser} logins`,
  sid: 'back-channel by sid',
  sub: `back-channel by sub, ${loginsOfUser} logins`,
}

/** @param {import('../main.js').Settings} settings */
export async function logout(settings) {
  heading('Logouts')
  const provider = await startProcess('provider.js')
  const small = await fill(subject, provider, few)
  const many = fitting(settings.sessions, small.bytesOfLogin)
  const sizes = [small, await fill(subject, provider, many / 10), await fill(subject, provider, many)]
  for (const filled of sizes) await proveOurs(filled, provider)
  const other = await startPeer(provider)
  const revived = await provePeers(other, provider)

  const logouts = [...sizes.flatMap((filled) => ourLogouts(filled, provider)), ...peerLogouts(other, provider)]
  for (const one of logouts) {
    const [act] = await one.prepare(1)
    const commands = await commandsDuring(one.client, act)
    one.commands = `${commands.length}: ${countByName(commands)}`
  }
  for (let round = -warmUpRounds; round < settings.rounds; round++) {
    const rows = []
    for (const one of logouts) rows.push({ one, acts: await one.prepare(each) })
    for (let number = 0; number < each; number++) {
      // One of each kind in turn, so that a temporary slowdown of the machine affects all of them.
      for (let turn = 0; turn < rows.length; turn++) {
        const { one, acts } = rows[(number + turn) % rows.length]
        const ms = await acts[number]()
        if (round >= 0) one.ms.push(ms)
      }
    }
    progress(`round ${round + 1} of ${settings.rounds}`)
  }
  progress('')
  printLogouts(logouts, settings)
  console.log(
    '\nThis package has ended the logins when it answers, and a guarded request costs the same as before. ' +
      'express-openid-connect leaves a mark, which each later request of any user reads from Redis (below).' +
      (revived ? sequel : ''),
  )
  await guardedBeside(settings, provider)
}

/** @param {readonly Logout[]} logouts @param {import('../main.js').Settings} settings */
function printLogouts(logouts, { rounds }) {
  console.log(
    `${rounds * each} of each kind, one after the other, one of each kind in turn. A back-channel logout is a POST of a ` +
      'logout token on a new connection, timed from the connection to the end of the response. logins.end() is timed ' +
      'within the process.\n',
  )
  const rows = Object.entries(kinds).flatMap(([kind, label]) => {
    const some = logouts.filter((one) => one.kind === kind)
    return some.map(({ by, where, ms, commands }) => {
      const sorted = ms.toSorted((a, b) => a - b)
      return [
        by + label,
        where,
        figure(median(ms), 2),
        figure(sorted[0], 2),
        figure(sorted[Math.ceil(0.95 * sorted.length) - 1], 2),
        figure(sorted.at(-1) ?? NaN, 2),
        `${figure(medianRatio(ms, some[0].ms), 2)} x`,
        commands,
      ]
    })
  })
  const head = [
    '',
    'logins in Redis',
    'ms',
    'lowest',
    '95 % within',
    'highest',
    'ratio to the first',
    'commands to Redis',
  ]
  console.log(table([head, ...rows]))
}

/** @param {Awaited<ReturnType<typeof fill>>} filled @param {any} provider @returns {Logout[]} */
function ourLogouts({ url, client, count, addUsers }, provider) {
  const where = figure(count)
  // The logins that are ended are created again, so that their number stays the same.
  return [
    {
      kind: 'end',
      prepare: async (/** @type {number} */ wanted) =>
        (await addUsers(wanted)).map(({ sub }) => async () => {
          const { ended, ms } = await endLogins(url, sub)
          if (ended !== loginsOfUser) throw new Error(`${ended} logins ended`)
          return ms
        }),
    },
    {
      kind: 'sid',
      prepare: async (/** @type {number} */ wanted) => {
        const users = await addUsers(Math.ceil(wanted / loginsOfUser))
        const sids = users.flatMap(({ logins }) => logins.map(({ sid }) => sid)).slice(0, wanted)
        return await Promise.all(sids.map((sid) => posting(url, provider, { sid })))
      },
    },
    {
      kind: 'sub',
      prepare: async (/** @type {number} */ wanted) =>
        await Promise.all((await addUsers(wanted)).map(({ sub }) => posting(url, provider, { sub }))),
    },
  ].map((one) => ({ ...one, by: '', where, client, commands: '', ms: [] }))
}

/** @param {{ url: string, client: any }} other @param {any} provider @returns {Logout[]} */
function peerLogouts({ url, client }, provider) {
  // express-openid-connect looks at no login, so any names will do.
  const some = async (/** @type {'sid' | 'sub'} */ name, /** @type {number} */ wanted) =>
    await Promise.all(Array.from({ length: wanted }, () => posting(url, provider, { [name]: randomUUID() })))
  return /** @type {const} */ (['sid', 'sub']).map((kind) => ({
    kind,
    by: `${peer.label}: `,
    where: figure(peerLogins),
    client,
    prepare: (wanted) => some(kind, wanted),
    commands: '',
    ms: [],
  }))
}

/** Prepares a back-channel logout with a new logout token. @param {string} url @param {any} provider @param {{ sub?: string, sid?: string }} about */
async function posting(url, provider, about) {
  const token = await provider.call('logoutToken', about)
  const form = `logout_token=${token}`
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': form.length }
  return async () => {
    const begin = performance.now()
    const sent = request(new URL('/backchannel-logout', url), { method: 'POST', agent: false, headers })
    sent.end(form)
    const [answer] = await once(sent, 'response')
    answer.resume()
    await once(answer, 'end')
    const ms = performance.now() - begin
    if (answer.statusCode >= 300) throw new Error(`back-channel logout: ${answer.statusCode}`)
    return ms
  }
}

/**
 * Throws unless each logout logs out the right logins: a logout that logs nobody out would be fast.
 *
 * @param {Awaited<ReturnType<typeof fill>>} filled
 * @param {any} provider
 */
async function proveOurs({ url, addUsers }, provider) {
  const [{ sub, logins }] = await addUsers(1)
  const [first, ...others] = logins.map(({ session, sid }) => ({ sid, cookie: getCookie(session) }))
  const statuses = async () => {
    const rest = await Promise.all(others.map(({ cookie }) => getStatus(url, cookie)))
    return [await getStatus(url, first.cookie), ...new Set(rest)].join(' ')
  }
  const seen = [await statuses()]
  await (
    await posting(url, provider, { sid: first.sid })
  )()
  seen.push(await statuses())
  await (
    await posting(url, provider, { sub })
  )()
  seen.push(await statuses())
  requireSeen(seen, ['200 200', '401 200', '401 401'])
}

/** @param {any} provider */
async function startPeer(provider) {
  const redis = await startRedis()
  const running = await startSubject(peer, { redis, provider })
  const cookies = []
  for (let number = 0; number < peerLogins; number++) cookies.push(String((await logIn(running)).cookie))
  return { ...running, client: redis.client, cookies }
}

/**
 * Throws like `proveOurs`; returns whether the user's next login restores a session that a logout by `sub` ended.
 *
 * @param {Awaited<ReturnType<typeof startPeer>>} other
 * @param {any} provider
 */
async function provePeers({ url, cookies }, provider) {
  const [first, second, unused] = cookies
  const sid = await (await fetch(new URL('/sid', url), { headers: { cookie: first } })).json()
  const statuses = async () => [await getStatus(url, first), await getStatus(url, second)].join(' ')
  const seen = [await statuses()]
  await (
    await posting(url, provider, { sid })
  )()
  seen.push(await statuses())
  await (
    await posting(url, provider, { sub: user.sub })
  )()
  seen.push(await statuses())
  requireSeen(seen, ['200 200', '401 200', '401 401'])
  await createUserAgent({ baseUrl: url }).get('/me')
  return (await getStatus(url, unused)) === 200
}

/** @param {readonly string[]} seen @param {readonly string[]} wanted */
function requireSeen(seen, wanted) {
  if (seen.join() === wanted.join()) return
  throw new Error(`the logouts logged out nobody, or others too: ${seen.join(', ')} instead of ${wanted.join(', ')}`)
}

/** Guarded requests with back-channel logout enabled. @param {import('../main.js').Settings} settings @param {any} provider */
async function guardedBeside({ rounds, seconds }, provider) {
  heading('Guarded requests with back-channel logout enabled')
  const redis = await startRedis()
  const runs = []
  for (const { one, label } of [
    { one: subject, label: ours },
    { one: peer, label: `${peer.label}, backchannelLogout: true` },
    {
      one: /** @type {import('../subjects.js').Subject} */ (
        subjects.find(({ name }) => name === 'express-openid-connect-redis')
      ),
      label: `${peer.label}, without`,
    },
  ]) {
    const running = await startSubject(one, { redis, provider })
    const { cookie, body } = await logIn(running)
    const target = { url: running.url, requests: [makeRequest(running.url, cookie)], body }
    await load(target, warmUp)
    const commands = sum(await commandsEach(redis.client, target))
    runs.push({ label, process: running.process, target, commands, perSecond: [0], cpu: [0] })
  }
  await takeTurns(runs, { rounds, seconds })
  const [own] = runs
  console.log(
    table([
      ['', 'commands/request', 'requests/s', 'lowest', 'highest', 'CPU us/request', 'ours is', 'by CPU'],
      ...runs.map(({ label, commands, perSecond, cpu }) => [
        label,
        figure(commands, 2),
        figure(median(perSecond)),
        figure(Math.min(...perSecond)),
        figure(Math.max(...perSecond)),
        figure(median(cpu)),
        `${figure(medianRatio(own.perSecond, perSecond), 2)} x`,
        `${figure(medianRatio(cpu, own.cpu), 2)} x`,
      ]),
    ]),
  )
}
