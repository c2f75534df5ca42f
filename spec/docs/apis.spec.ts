/**
 * docs/apis.md: compares its transcript with the responses of the guard. With UPDATE_DOCS=1, it writes the transcript
 * instead.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, request, STATUS_CODES } from 'node:http'
import { join } from 'node:path'
import express, { type Express } from 'express'
import { createBearer } from 'express-session-oidc'
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { close, listen } from '../support/app.ts'

const file = join(import.meta.dirname, '../../docs/apis.md')
const begin = /<!-- transcript: .*? -->\n/
const end = '<!-- end of the transcript -->'
const baseUrl = 'https://api.example.com'
const issuer = 'https://id.example.com/realms/acme'

/** Headers that are left out: those of the connection and the content do not come from the guard. */
const left = new Set([
  'date',
  'connection',
  'keep-alive',
  'content-length',
  'transfer-encoding',
  'etag',
  'x-powered-by',
])

/** One call with curl in the transcript. */
interface Shown {
  readonly title: string
  readonly method?: string
  readonly path?: string
  /** Values of the header Authorization; a token is named by its variable. */
  readonly authorization?: readonly string[]
  readonly form?: string
  readonly status: number
  /** Whether the provider is down and the guard has no keys yet. */
  readonly isDown?: boolean
}

const calls: readonly Shown[] = [
  { title: 'A valid token', authorization: ['Bearer $TOKEN'], status: 200 },
  { title: 'No token: the response has no error code', status: 401 },
  { title: 'A malformed Authorization header', authorization: ['Bearer'], status: 400 },
  { title: 'Two Authorization headers', authorization: ['Bearer $TOKEN', 'Bearer $TOKEN'], status: 400 },
  { title: 'A token in the query', path: '/orders?access_token=$TOKEN', status: 400 },
  {
    title: 'A token in a form, besides the header',
    method: 'POST',
    authorization: ['Bearer $TOKEN'],
    form: 'access_token=$TOKEN',
    status: 400,
  },
  { title: 'An invalid token', authorization: ['Bearer $FORGED'], status: 401 },
  { title: 'An expired token', authorization: ['Bearer $EXPIRED'], status: 401 },
  { title: 'A token for another audience', authorization: ['Bearer $TOKEN_FOR_ANOTHER_API'], status: 401 },
  { title: 'A missing scope', method: 'POST', authorization: ['Bearer $TOKEN'], status: 403 },
  { title: 'A missing role', method: 'DELETE', authorization: ['Bearer $TOKEN'], status: 403 },
  {
    title: 'A login that is not strong or recent enough',
    method: 'POST',
    path: '/payouts',
    authorization: ['Bearer $TOKEN'],
    status: 401,
  },
  { title: 'Keys that are unavailable', authorization: ['Bearer $TOKEN'], status: 503, isDown: true },
  { title: 'The metadata of the API', path: '/.well-known/oauth-protected-resource', status: 200 },
]

let provider: TestProvider
let tokens: Readonly<Record<string, string>>
let stops: (() => Promise<unknown>)[] = []
beforeAll(async () => {
  provider = await startTestProvider({ path: '/realms/acme' })
  tokens = await makeTokens()
})
afterAll(async () => {
  for (const stop of stops) await stop()
  await provider.stop()
})

async function makeTokens(): Promise<Record<string, string>> {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: provider.issuer, aud: 'orders', sub: 'alice', scope: 'orders:read', iat: now, exp: now + 300 }
  const good = { ...claims, acr: 'silver', auth_time: now }
  const token = await provider.sign(good)
  const [header, , signature] = token.split('.')
  const forged = Buffer.from(JSON.stringify({ ...good, sub: 'mallory' })).toString('base64url')
  return {
    TOKEN: token,
    FORGED: [header, forged, signature].join('.'),
    EXPIRED: await provider.sign({ ...good, exp: now - 3600 }),
    TOKEN_FOR_ANOTHER_API: await provider.sign({ ...good, aud: 'billing' }),
  }
}

/** The API of the guide, and the details of its events. */
async function serve(before?: (app: Express) => void): Promise<{ url: string; reported: string[] }> {
  const api = createBearer({ issuer: provider.issuer, audience: 'orders', baseUrl, log: false })
  const reported: string[] = []
  for (const name of ['token_rejected', 'denied', 'provider_fault'] as const) {
    api.on(name, ({ detail }) => reported.push(`${name}: ${detail}`))
  }
  const done = (req: express.Request, res: express.Response): void => {
    const { sub, scope } = api.auth(req)
    res.json({ sub, scope })
  }
  const app = express()
  before?.(app)
  app.use(api.router)
  app.use(express.urlencoded())
  app.get('/orders', api.requireBearer({ scope: 'orders:read' }), done)
  app.post('/orders', api.requireBearer({ scope: 'orders:write' }), done)
  app.delete('/orders', api.requireBearer({ roles: 'admin' }), done)
  app.post('/payouts', api.requireBearer({ acr: 'gold', maxAuthAgeSeconds: 300 }), done)
  const server = createServer(app)
  stops.push(() => close(server))
  return { url: await listen(server), reported }
}

const filled = (text: string): string => text.replace(/\$([A-Z_]+)/g, (_all, name: string) => String(tokens[name]))

/** A value in a shell, in double quotes if it contains a variable. */
function quoted(text: string): string {
  if (text.includes('$')) return `"${text}"`
  return /^[\w:/.-]+$/.test(text) ? text : `'${text}'`
}

function command({ method, path = '/orders', authorization = [], form }: Shown): string {
  const parts = ['curl -i']
  if (method !== undefined && !(method === 'POST' && form !== undefined)) parts.push(`-X ${method}`)
  for (const value of authorization) parts.push(`-H ${quoted(`Authorization: ${value}`)}`)
  if (form !== undefined) parts.push(`-d ${quoted(form)}`)
  return [...parts, quoted(baseUrl + path)].join(' ')
}

/** The output of curl, without the headers in `left`. */
function ask(url: string, { method = 'GET', path = '/orders', authorization, form }: Shown): Promise<string> {
  const headers: Record<string, string | string[]> = {
    ...(authorization && { authorization: authorization.map(filled) }),
    ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
  }
  return new Promise((resolve, reject) => {
    const sent = request(url + filled(path), { method, headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
      response.on('error', reject).on('end', () => {
        const { statusCode = 0, rawHeaders } = response
        const lines = [`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode]}`]
        for (let index = 0; index < rawHeaders.length; index += 2) {
          const name = String(rawHeaders[index])
          if (!left.has(name.toLowerCase())) lines.push(`${name}: ${rawHeaders[index + 1]}`)
        }
        resolve([...lines, '', body].join('\n'))
      })
    })
    sent.on('error', reject).end(form === undefined ? undefined : filled(form))
  })
}

const reported = (text: string): string => text.replaceAll(provider.issuer, issuer)

async function transcript(): Promise<string> {
  const up = await serve()
  const sections: string[] = []
  for (const call of calls) {
    if (call.isDown) await provider.stop()
    const { url, reported: events } = call.isDown ? await serve() : up
    const before = events.length
    const answer = await ask(url, call)
    if (call.isDown) await provider.start()
    expect(answer.split('\n', 1)[0], call.title).toBe(`HTTP/1.1 ${call.status} ${STATUS_CODES[call.status]}`)
    const noted = events.slice(before).map((event) => `\n\n# the event ${event}`)
    const shown = call.isDown ? noted.map(() => '\n\n# the event provider_fault says why') : noted
    sections.push(
      `### ${call.title}\n\n\`\`\`console\n$ ${command(call)}\n${reported(answer + shown.join(''))}\n\`\`\`\n`,
    )
  }
  return `\n${sections.join('\n')}\n`
}

describe('docs/apis.md', () => {
  it('shows the actual responses of the guard in its transcript', { meta: { id: 'apis-1' } }, async () => {
    const text = readFileSync(file, 'utf8')
    const opening = begin.exec(text)
    const from = (opening?.index ?? -1) + (opening?.[0].length ?? 0)
    const to = text.indexOf(end)
    expect(opening, 'docs/apis.md has the mark where the transcript begins').not.toBeNull()
    expect(to, 'docs/apis.md has the mark where the transcript ends').toBeGreaterThanOrEqual(from)
    const made = await transcript()
    if (process.env['UPDATE_DOCS']) writeFileSync(file, text.slice(0, from) + made + text.slice(to))
    else expect(text.slice(from, to), 'run UPDATE_DOCS=1 npx vitest run spec/docs').toBe(made)
    expect(made).not.toMatch(/eyJ[\w-]{10,}|127\.0\.0\.1|localhost/)
  })

  it('has a response of every kind in its transcript', () => {
    const transcribed = readFileSync(file, 'utf8')
    for (const code of [
      'token_required',
      'request_invalid',
      'token_invalid',
      'not_allowed',
      'authentication_insufficient',
      'provider_unavailable',
    ]) {
      expect(transcribed).toContain(`"code":"${code}"`)
    }
    for (const error of [
      'invalid_request',
      'invalid_token',
      'insufficient_scope',
      'insufficient_user_authentication',
    ]) {
      expect(transcribed).toContain(`error="${error}"`)
    }
  })

  it('has working code that lets pages of another origin call the API', async () => {
    const page = 'https://spa.example.com'
    const source = /## CORS[\s\S]*?```js\n([\s\S]*?)```/.exec(readFileSync(file, 'utf8'))?.[1] ?? ''
    expect(source).toContain(page)
    const { url } = await serve((app) => {
      // Runs the code of the guide unchanged.
      // oxlint-disable-next-line typescript/no-implied-eval, typescript/no-unsafe-call
      new Function('app', source)(app)
    })
    const preflight = await fetch(`${url}/orders`, {
      method: 'OPTIONS',
      headers: {
        origin: page,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization',
      },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/\bAuthorization\b/)
    const refused = await fetch(`${url}/orders`, { headers: { origin: page } })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('access-control-allow-origin')).toBe(page)
    expect(refused.headers.get('access-control-expose-headers')).toBe('WWW-Authenticate, Retry-After')
    const elsewhere = await fetch(`${url}/orders`, { headers: { origin: 'https://elsewhere.example' } })
    expect(elsewhere.headers.get('access-control-allow-origin')).toBeNull()
  })
})
