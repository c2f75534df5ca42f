/** Requests with an access token, with known and with new tokens. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { figure, heading, median, medianRatio, progress, table } from '../figures.js'
import { connections, load } from '../load.js'
import { startProcess } from '../processes.js'
import { takeTurns } from '../rounds.js'

const audience = 'orders'
/** More tokens than a guard caches: each has left the cache when its turn comes again. */
const many = 20_000
const some = 1000
const ours = 'bearer-express-session-oidc'

const subjects = [
  { name: 'bearer-express', label: 'Express alone', goals: { known: 0.9, new: undefined } },
  { name: 'bearer-jose', label: 'jose by hand', goals: { known: undefined, new: 0.95 } },
  {
    name: 'bearer-express-oauth2-jwt-bearer',
    label: 'express-oauth2-jwt-bearer',
    goals: { known: 1.8, new: 1.1 },
  },
  { name: ours, label: 'express-session-oidc', goals: { known: undefined, new: undefined } },
]

/** @param {import('../main.js').Settings} settings */
export async function bearer({ rounds, seconds }) {
  for (const algorithm of ['RS256', 'ES256']) {
    const issuer = await startIssuer(algorithm)
    progress(`creating ${many} tokens`)
    const tokens = await issuer.tokens(many)
    progress('')
    const loads = [
      { title: 'one token again and again', kind: /** @type {const} */ ('known'), tokens: tokens.slice(0, 1) },
      { title: `${figure(some)} tokens in turn`, kind: /** @type {const} */ ('known'), tokens: tokens.slice(0, some) },
      { title: 'every token new', kind: /** @type {const} */ ('new'), tokens },
    ]
    for (const one of loads) {
      heading(`Bearer, ${algorithm}, ${one.title}`)
      console.log(
        `${connections} connections, ${rounds} rounds of ${seconds} s, tokens of ${tokens[0]?.length} bytes.\n`,
      )
      console.log(table(await measure(issuer.settings, one, { rounds, seconds })))
    }
    issuer.stop()
  }
}

/**
 * @param {object} provider
 * @param {{ kind: 'known' | 'new', tokens: readonly string[] }} one
 * @param {{ rounds: number, seconds: number }} settings
 */
async function measure(provider, { kind, tokens }, { rounds, seconds }) {
  const runs = []
  for (const subject of subjects) {
    const process = await startProcess('server.js', [subject.name], { provider })
    const { url } = process.ready
    const target = { url, requests: tokens.map((token) => makeRequest(url, token)), body: '{"sub":"alice"}' }
    await load(target, { count: 10_000, seconds: 30 })
    runs.push({ ...subject, process, target, perSecond: [0], cpu: [0] })
  }
  await takeTurns(runs, { rounds, seconds })
  const own = runs.find(({ name }) => name === ours)
  return [
    ['', 'requests/s', 'lowest', 'highest', 'CPU us/request', 'ours is', 'by CPU', 'goal'],
    ...runs.map(({ label, perSecond, cpu, goals }) => [
      label,
      figure(median(perSecond)),
      figure(Math.min(...perSecond)),
      figure(Math.max(...perSecond)),
      figure(median(cpu)),
      `${figure(medianRatio(own.perSecond, perSecond), 2)} x`,
      `${figure(medianRatio(cpu, own.cpu), 2)} x`,
      goals[kind] === undefined ? '' : `${figure(goals[kind], 2)} x`,
    ]),
  ]
}

/** A `GET` request as the script of a page sends it. @param {string} url @param {string} token */
function makeRequest(url, token) {
  const lines = [
    'GET /orders HTTP/1.1',
    `Host: ${new URL(url).host}`,
    'Connection: keep-alive',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    'Accept: */*',
    `Authorization: Bearer ${token}`,
    'Origin: https://app.example.com',
    'Sec-Fetch-Site: same-site',
    'Sec-Fetch-Mode: cors',
    'Sec-Fetch-Dest: empty',
    'Accept-Encoding: gzip, deflate, br',
    'Accept-Language: en-GB,en;q=0.9',
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/** Starts an issuer: metadata, keys, and tokens as large as those of Keycloak. @param {string} algorithm */
async function startIssuer(algorithm) {
  const { privateKey, publicKey } = await generateKeyPair(algorithm)
  const key = { ...(await exportJWK(publicKey)), alg: algorithm, use: 'sig', kid: 'bench' }
  const server = createServer((req, res) => {
    const metadata = { issuer, jwks_uri: `${issuer}/jwks`, id_token_signing_alg_values_supported: [algorithm] }
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify(req.url === '/jwks' ? { keys: [key] } : metadata))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const issuer = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`
  return {
    settings: { issuer, audience, jwksUri: `${issuer}/jwks` },
    stop: () => server.close(),
    /** @param {number} count */
    async tokens(count) {
      const tokens = []
      for (let made = 0; made < count; made += 100) {
        tokens.push(...(await Promise.all(Array.from({ length: 100 }, (_, index) => token(made + index)))))
      }
      return tokens
    },
  }

  /** @param {number} number */
  function token(number) {
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: issuer,
      aud: [audience, 'account'],
      sub: 'alice',
      exp: now + 36_000,
      iat: now,
      jti: `onrtac:${number}-4c9a-8ddc-0c8f4d8a44a1`,
      typ: 'Bearer',
      azp: 'spa',
      sid: 'h0YvHk6LXb6yX5Ftq0sWm2cA',
      acr: '1',
      'allowed-origins': ['https://app.example.com'],
      realm_access: { roles: ['default-roles-acme', 'offline_access', 'uma_authorization', 'admin'] },
      resource_access: { account: { roles: ['manage-account', 'manage-account-links', 'view-profile'] } },
      scope: 'openid profile email',
      email_verified: true,
      name: 'Alice Adams',
      preferred_username: 'alice',
      email: 'alice@example.com',
    }
    return new SignJWT(claims).setProtectedHeader({ alg: algorithm, kid: 'bench', typ: 'JWT' }).sign(privateKey)
  }
}
