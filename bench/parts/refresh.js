/** Access tokens of logins: the cost of a valid token, of requests without one, and of many callers with an expired one. */
import { setTimeout as pause } from 'node:timers/promises'
import { allowInsecureRequests, ClientSecretBasic, discovery, refreshTokenGrant } from 'openid-client'
import { commandsEach, sum } from '../commands.js'
import { figure, heading, median, medianRatio, progress, table } from '../figures.js'
import { herd } from '../herd.js'
import { connections, load, makeRequest, warmUp } from '../load.js'
import { logIn, startSubject } from '../login.js'
import { startProcess, startRedis } from '../processes.js'
import { takeTurns } from '../rounds.js'

const subject = { name: 'express-session-oidc-tokens', label: '', note: '' }
const processes = 4
const callersEach = 500
const bytes = 4096

/** @param {import('../main.js').Settings} settings */
export async function refresh(settings) {
  const redis = await startRedis()
  const provider = await startProcess('token-provider.js')
  await freshTokens(settings, redis, provider)
  await sealing(settings)
  await oneForMany(settings, redis, provider)
}

/**
 * @param {import('../main.js').Settings} settings
 * @param {{ url: string, client: any }} redis
 * @param {Awaited<ReturnType<typeof startProcess>>} provider
 */
async function freshTokens({ rounds, seconds }, redis, provider) {
  heading('Valid access tokens')
  const running = await startSubject(subject, { redis, provider })
  await provider.call('nextHasNoRefreshToken')
  const without = await logIn(running)
  const having = await logIn(running)
  const runs = [
    { label: 'guarded, login without a refresh token', login: without, path: '/me' },
    { label: 'guarded, login with a refresh token', login: having, path: '/me' },
    { label: 'guarded, with accessToken()', login: having, path: '/me-and-token' },
  ].map(({ label, login: { cookie, body }, path }) => {
    const target = { url: running.url, requests: [makeRequest(running.url, cookie, path)], body }
    return { label, process: running.process, target, perSecond: [0], cpu: [0], commands: 0 }
  })
  for (const run of runs) {
    await load(run.target, warmUp)
    run.commands = sum(await commandsEach(redis.client, run.target))
  }
  await takeTurns(runs, { rounds, seconds })
  const [plain] = runs
  console.log(`${connections} connections, ${rounds} rounds of ${seconds} s each, one process.\n`)
  console.log(
    table([
      ['', 'commands/request', 'requests/s', 'lowest', 'highest', 'CPU us/request', 'ratio to the first', 'by CPU'],
      ...runs.map(({ label, commands, perSecond, cpu }) => [
        label,
        figure(commands, 2),
        figure(median(perSecond)),
        figure(Math.min(...perSecond)),
        figure(Math.max(...perSecond)),
        figure(median(cpu)),
        `${figure(medianRatio(perSecond, plain.perSecond), 2)} x`,
        `${figure(medianRatio(plain.cpu, cpu), 2)} x`,
      ]),
    ]),
  )
}

/** @param {import('../main.js').Settings} settings */
async function sealing({ rounds }) {
  heading(`Sealing and opening ${bytes / 1024} kB`)
  // The package does not export this module, so it is found by its path.
  const inside = (/** @type {string} */ path) => new URL(path, import.meta.resolve('express-session-oidc')).href
  const { Sealer } = await import(inside('core/seal.js'))
  const sealer = new Sealer(
    { secrets: ['a secret of the bench, more than thirty-two characters'], owner: 'owner' },
    'tokens',
  )
  const plain = 'x'.repeat(bytes)
  const sealed = sealer.seal(plain, 'login')
  const count = 20_000
  const works = {
    seal: () => sealer.seal(plain, 'login').length > bytes,
    open: () => sealer.open(sealed, 'login') === plain,
  }
  const rows = []
  for (const [name, work] of Object.entries(works)) {
    const microseconds = []
    for (let round = 0; round <= rounds; round++) {
      const begin = performance.now()
      for (let i = 0; i < count; i++) if (!work()) throw new Error(`${name} returned a wrong result`)
      microseconds.push(((performance.now() - begin) * 1000) / count)
    }
    // The first round is the warm-up.
    const timed = microseconds.slice(1)
    rows.push([name, figure(median(timed), 1), figure(Math.min(...timed), 1), figure(Math.max(...timed), 1)])
  }
  console.log(table([['', 'us', 'lowest', 'highest'], ...rows]))
}

/**
 * @param {import('../main.js').Settings} settings
 * @param {{ url: string, client: any }} redis
 * @param {Awaited<ReturnType<typeof startProcess>>} provider
 */
async function oneForMany({ rounds }, redis, provider) {
  heading(`${processes} x ${callersEach} callers, one expired access token`)
  const runs = []
  for (let number = 0; number < processes; number++) runs.push(await startSubject(subject, { redis, provider }))
  const urls = runs.map(({ url }) => url)
  const [first] = runs
  const login = await logIn(first)
  // A warm-up: the first requests of a process are not measured.
  for (const path of ['/me', '/me-and-token', '/token']) await herd(urls, callersEach, login.cookie, path)

  const figures = { many: [0].slice(1), guarded: [0].slice(1), alone: [0].slice(1) }
  let grants = 0
  let errors = 0
  for (let round = 0; round < rounds; round++) {
    figures.guarded.push(slowest(await herd(urls, callersEach, login.cookie, '/me')))
    figures.alone.push(slowest(await herd(urls.slice(0, 1), 1, await endedLogin(first, provider), '/token')))
    const replies = await herd(urls, callersEach, await endedLogin(first, provider), '/token')
    figures.many.push(slowest(replies))
    grants = Math.max(grants, await provider.call('refreshes'))
    const tokens = new Set(replies.map(({ body }) => body))
    errors += replies.filter(({ status }) => status !== 200).length + tokens.size - 1
    progress(`round ${round + 1} of ${rounds}`)
  }
  progress('')
  const bare = await bareRefresh(provider, 20 * rounds)
  console.log(`grants ${grants}`)
  console.log(`errors ${errors}\n`)
  console.log(
    table([
      ['', 'ms', 'lowest', 'highest'],
      ...[
        ['a refresh by openid-client alone', bare],
        ['one caller with an expired token alone', figures.alone],
        [`the slowest of ${figure(processes * callersEach)} callers with an expired token`, figures.many],
        [`the slowest of ${figure(processes * callersEach)} callers that need no token`, figures.guarded],
      ].map(([label, ms]) => [
        String(label),
        figure(median(/** @type {number[]} */ (ms)), 1),
        figure(Math.min(.../** @type {number[]} */ (ms)), 1),
        figure(Math.max(.../** @type {number[]} */ (ms)), 1),
      ]),
    ]),
  )
  console.log(
    `\nOver ${rounds} rounds: "grants" is the most refreshes in one round, "errors" are all responses without a token or ` +
      'with a different one. The bench and the provider share the processors with these processes.',
  )
  if (grants !== 1 || errors !== 0) throw new Error(`${grants} grants and ${errors} errors`)
}

/** The cookie of a login whose access token has expired. @param {any} running @param {any} provider */
async function endedLogin(running, provider) {
  await provider.call('nextEndsSoon')
  const { cookie } = await logIn(running)
  // The token is valid for one second, and times in tokens are whole seconds.
  await pause(2000)
  await provider.call('forget')
  return cookie
}

/** @param {readonly import('../herd.js').Reply[]} replies */
function slowest(replies) {
  return replies.reduce((most, { ms }) => Math.max(most, ms), 0)
}

/** The duration of refreshes without an application, in milliseconds. @param {any} provider @param {number} count */
async function bareRefresh(provider, count) {
  const { issuer, clientId, clientSecret } = provider.ready
  const authentication = ClientSecretBasic(clientSecret)
  const config = await discovery(new URL(issuer), clientId, undefined, authentication, {
    execute: [allowInsecureRequests],
  })
  let { refresh_token: refreshToken } = await provider.call('issueTokens')
  const ms = []
  for (let number = 0; number < count; number++) {
    const begin = performance.now()
    const tokens = await refreshTokenGrant(config, refreshToken)
    ms.push(performance.now() - begin)
    refreshToken = tokens.refresh_token
  }
  return ms
}
