/**
 * Cookies in numbers, sizes and forms that no application sets, from sibling hosts, scripts or other programs on the host.
 * Their cost is bounded, our responses remain small, and our own cookies lock nobody out. Cost is measured in decryptions and
 * in bytes, not in time.
 */
import { createServer } from 'node:http'
import { connect } from 'node:net'
import * as fc from 'fast-check'
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it, vi, type MockInstance } from 'vitest'
import { Sealer } from '../../lib/core/seal.ts'
import { deriveSeals } from '../../lib/core/seals.ts'
import { close, listen, secret, type TestApp } from '../support/app.ts'
import { runs } from '../support/depth.ts'
import {
  behindTls,
  changeUrl,
  flow,
  noteRoutes,
  publicOrigin,
  response,
  listEvents,
  listTransactions,
} from '../support/flow.ts'

const world = flow()
const { start } = world

/** Maximum bytes of Set-Cookie in a response, for small proxy buffers: nginx has 4 or 8 kB for all headers. */
const mostSet = 8 * 1024
/** Maximum bytes of cookies that a browser sends back. Node answers 431 to more than 16 kB of headers. */
const mostSent = 8 * 1024
/** Maximum characters of names and values of the cookies of logins in progress. */
const mostCharacters = 3600

/** Starts to count decryptions. */
function decryptions(): MockInstance<Sealer['openWithSecret']> {
  return vi.spyOn(Sealer.prototype, 'openWithSecret')
}

/** Characters of the cookies of logins in progress in a browser. */
function countCharacters(agent: UserAgent): number {
  return listTransactions(agent).reduce((sum, name) => sum + name.length + (agent.jar.get(name)?.value.length ?? 0), 0)
}

/** A well-formed value of such a cookie, of a login that began at a time in seconds since the epoch. */
function formValue(seconds: number, from = 0): string {
  const time = Buffer.alloc(4)
  time.writeUInt32BE(seconds)
  return 'A'.repeat(22) + time.toString('base64url') + `.${'B'.repeat(11)}`.repeat(from)
}

function setBytes(answer: { headers: Headers }): number {
  return answer.headers.getSetCookie().reduce((sum, line) => sum + 'Set-Cookie: \r\n'.length + line.length, 0)
}

/** Replaces the placeholder `oidc.default.` by the cookie prefix of the application's instance. */
function named(app: TestApp, text: string): string {
  return text.replaceAll('oidc.default.', app.cookie(''))
}

function sentBytes(agent: UserAgent, app: TestApp): number {
  return (agent.jar.header(app.url) ?? '').length
}

/** Serves the application with a larger header limit, as with `--max-http-header-size`. */
async function roomy(app: TestApp): Promise<string> {
  const server = createServer({ maxHeaderSize: 4 * 1024 * 1024 }, app.app)
  world.later(() => close(server))
  return listen(server)
}

describe('thousands of cookies with names like ours', { meta: { id: 'cookie-bombs-1' } }, () => {
  const bombs: Record<string, string[]> = {
    'with garbage values': Array.from({ length: 2000 }, (_, n) => `oidc.default.${n}=garbage`),
    'with well-formed ids': Array.from(
      { length: 2000 },
      (_, n) => `oidc.default.${String(n).padStart(9, 'A')}=${'A'.repeat(60)}`,
    ),
    'with well-formed values': Array.from(
      { length: 2000 },
      (_, n) => `oidc.default.${String(n).padStart(9, 'A')}=${formValue(1000 + n, n % 5)}`,
    ),
    'of logins that begin now': Array.from(
      { length: 2000 },
      (_, n) => `oidc.default.${String(n).padStart(9, 'A')}=${formValue(Math.floor(Date.now() / 1000), n % 5)}`,
    ),
    'of logins that begin in the future': Array.from(
      { length: 2000 },
      (_, n) => `oidc.default.${String(n).padStart(9, 'A')}=${formValue(0xffffffff - n)}`,
    ),
    'with long names': Array.from({ length: 200 }, (_, n) => `oidc.default.${n}${'x'.repeat(3000)}=1`),
    'of many instances': Array.from({ length: 2000 }, (_, n) => `oidc.i${n}.x=1`),
    'with invalid names': Array.from({ length: 2000 }, (_, n) => `oidc.default.<"${n}, x\t>=1`),
    'with the same name': Array.from({ length: 2000 }, () => 'oidc.default.same=1'),
    'with names like the session cookie': Array.from({ length: 2000 }, (_, n) => `connect.sid.${n}=1`),
  }

  it.each(Object.entries(bombs))(
    'a login starts without decryptions and with a small response, despite cookies %s',
    async (_what, bomb) => {
      const app = await start()
      const url = await roomy(app)
      const open = decryptions()
      const cookie = named(app, bomb.join('; '))
      const answer = await app.agent().get(`${url}/login`, { headers: { cookie }, redirect: 'manual' })
      expect(answer.status).toBe(302)
      expect(answer.headers.get('location')).toContain(`${world.provider.issuer}/authorize`)
      expect(open).not.toHaveBeenCalled()
      expect(setBytes(answer)).toBeLessThan(mostSet)
    },
  )

  it.each(Object.entries(bombs))('a login completes with few decryptions, despite cookies %s', async (_what, bomb) => {
    const app = await start()
    const url = await roomy(app)
    const agent = app.agent()
    const callback = (await response(agent, '/profile')).replace(app.url, url)
    const own = agent.jar.cookies(app.url).map(({ name, value }) => `${name}=${value}`)
    const cookie = named(app, [...bomb, ...own].join('; '))
    const open = decryptions()
    const answer = await agent.get(callback, { headers: { cookie }, redirect: 'manual' })
    expect({ status: answer.status, to: answer.headers.get('location') }).toEqual({ status: 303, to: '/profile' })
    // `state`, and the counter of finished logins.
    expect(open.mock.calls.length).toBeLessThanOrEqual(2)
    expect(setBytes(answer)).toBeLessThan(2048)
  })

  it.each(Object.entries(bombs))(
    'pages, guarded pages and logouts decrypt none of the cookies %s',
    async (_what, bomb) => {
      const app = await start()
      const url = await roomy(app)
      const agent = app.agent()
      await agent.get('/profile')
      const cookie = named(app, [...bomb, `connect.sid=${agent.jar.get('connect.sid')?.value ?? ''}`].join('; '))
      const open = decryptions()
      for (const page of ['/', '/profile']) {
        const answer = await agent.fetch(url + page, { headers: { cookie } })
        expect(answer.status).toBe(200)
        expect(answer.headers.getSetCookie()).toEqual([])
      }
      expect(open).not.toHaveBeenCalled()
      const out = await agent.fetch(`${url}/logout`, { method: 'POST', headers: { cookie }, redirect: 'manual' })
      expect(out.status).toBe(200)
      // Only the tokens of the login are decrypted.
      expect(open).toHaveBeenCalledTimes(1)
    },
  )

  it('150 garbage cookies in a browser are cleared by ten logins, each with a small response', async () => {
    const app = await start()
    const agent = app.agent()
    for (let n = 0; n < 150; n++) {
      agent.jar.set(`${app.cookie(String(n).padStart(9, 'A'))}=garbage; Path=/`, app.url)
    }
    for (let login = 0; login < 10; login++) {
      const answer = await agent.get('/login', { redirect: 'manual' })
      expect(setBytes(answer)).toBeLessThan(mostSet)
    }
    expect(agent.jar.cookies().filter(({ value }) => value === 'garbage')).toEqual([])
    expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
  })

  it('the limit on decryptions also holds with several secrets', async () => {
    const app = await start({ options: { secret: [`the first ${secret}`, `the second ${secret}`, secret] } })
    const open = decryptions()
    const name = (n: number): string => app.cookie(String(n).padStart(9, 'A'))
    const cookie = Array.from({ length: 200 }, (_, n) => `${name(n)}=${'A'.repeat(28)}`).join('; ')
    await app.agent().get('/login', { headers: { cookie }, redirect: 'manual' })
    expect(open).not.toHaveBeenCalled()
  })
})

describe('three hundred logins started in one browser', { meta: { id: 'cookie-bombs-2' } }, () => {
  it.each([
    ['short URLs', () => '/profile'],
    ['URLs of the maximum length', (n: number) => `/${String(n)}${'a'.repeat(2040)}`],
    ['URLs that grow when they are encoded', (n: number) => `/${String(n)}?q=${'%22'.repeat(670)}`],
  ])(
    'logins from %s leave at most 3600 characters of cookies of logins, within common header limits',
    async (_what, getPath) => {
      const app = await start()
      const agent = app.agent()
      let most = 0
      for (let n = 0; n < 300; n++) {
        const answer = await agent.get(`/login?returnTo=${encodeURIComponent(getPath(n))}`, { redirect: 'manual' })
        expect({ n, status: answer.status }).toEqual({ n, status: 302 })
        expect(countCharacters(agent)).toBeLessThanOrEqual(mostCharacters)
        expect(setBytes(answer)).toBeLessThan(mostSet)
        most = Math.max(most, sentBytes(agent, app))
      }
      expect(most).toBeLessThan(mostSent)
      // The remaining cookies lock nobody out.
      expect((await agent.get('/profile')).json()).toMatchObject({ user: { sub: 'alice' } })
    },
  )

  it('logins started by guards and by routes with extra parameters leave room for other headers', async () => {
    const app = await start({
      routes: (express, oidc) => {
        const extra = { claims: JSON.stringify({ id_token: { name: { value: 'x'.repeat(1500) } } }) }
        express.get(
          '/more',
          oidc.login({ extra, scope: ['openid', ...Array.from({ length: 40 }, (_, n) => `scope-${n}`)] }),
        )
      },
    })
    const agent = app.agent()
    for (let n = 0; n < 25; n++) {
      expect((await agent.get(`/profile?page=${n}`, { redirect: 'manual' })).status).toBe(302)
      expect((await agent.get(`/more?returnTo=/${'b'.repeat(1000)}`, { redirect: 'manual' })).status).toBe(302)
    }
    expect(countCharacters(agent)).toBeLessThanOrEqual(mostCharacters)
    expect(sentBytes(agent, app)).toBeLessThan(mostSent)
  })

  it('logins in progress with many sessions leave room for other headers too', async () => {
    const app = await start()
    const agent = app.agent()
    for (let n = 0; n < 100; n++) {
      const value = formValue(Math.floor(Date.now() / 1000), 4)
      agent.jar.set(`${app.cookie(String(n).padStart(9, 'A'))}=${value}; Path=/`, app.url)
    }
    for (let n = 0; n < 5; n++) await agent.get(`/login?returnTo=/${'b'.repeat(2000)}`, { redirect: 'manual' })
    expect(countCharacters(agent)).toBeLessThanOrEqual(mostCharacters)
    expect(sentBytes(agent, app)).toBeLessThan(mostSent)
  })

  it('a response that issues a session notes it in the latest 20 logins in progress, within common header limits', async () => {
    const app = await start({ routes: noteRoutes })
    const agent = app.agent()
    const began = Math.floor(Date.now() / 1000)
    for (let n = 0; n < 50; n++) {
      const value = formValue(began - 100 + n, 3)
      agent.jar.set(`${app.cookie(String(n).padStart(9, 'A'))}=${value}; Path=/`, app.url)
    }
    const answer = await agent.get('/note/apples')
    const names = answer.cookiesSet.map(({ name }) => name).filter((name) => name.startsWith(app.cookie('')))
    expect(names).toEqual(Array.from({ length: 20 }, (_, n) => app.cookie(String(n + 30).padStart(9, 'A'))))
    expect(setBytes(answer)).toBeLessThan(mostSet / 2)
  })

  it('cookies that name a time in the future do not displace the logins of the user', async () => {
    const app = await start()
    const agent = app.agent()
    for (let n = 0; n < 60; n++) {
      const value = formValue(0xffffffff - n)
      agent.jar.set(`${app.cookie(String(n).padStart(9, 'A'))}=${value}; Path=/`, app.url)
    }
    const callback = await response(agent, '/profile')
    for (let n = 0; n < 3; n++) await agent.get('/login', { redirect: 'manual' })
    expect(listTransactions(agent)).toHaveLength(4)
    expect((await agent.get(callback)).json()).toMatchObject({ user: { sub: 'alice' } })
  })
})

describe('an invalid counter of completed logins', () => {
  it.each([
    ['garbage', 'garbage'],
    ['empty', ''],
    ['an unencrypted list', '[9999999999,9999999999,9999999999,9999999999,9999999999,9999999999]'],
    ['a number', '99999999'],
    ['huge', 'A'.repeat(12_000)],
  ])('a counter that is %s counts as missing, and the login completes', async (_what, value) => {
    const app = await start()
    const agent = app.agent()
    const counter = app.cookie('finished')
    agent.jar.set(`${counter}=${value}; Path=/`, app.url)
    const callback = await response(agent, '/profile')
    const own = agent.jar.cookies().filter(({ name }) => name !== counter)
    const cookie = [...own.map((one) => `${one.name}=${one.value}`), `${counter}=${value}`].join('; ')
    const answer = await agent.get(callback, { headers: { cookie }, redirect: 'manual' })
    expect({ status: answer.status, to: answer.headers.get('location') }).toEqual({ status: 303, to: '/profile' })
    expect(answer.cookiesSet.map(({ name }) => name)).toContain(counter)
  })

  it('a counter sealed for another owner, name or purpose counts as missing', async () => {
    const app = await start()
    const agent = app.agent()
    const counter = app.cookie('finished')
    const times = JSON.stringify(Array.from({ length: 9 }, () => Date.now() / 1000))
    const other = deriveSeals({ secrets: [secret], owner: 'another owner' })
    for (const forged of [
      other.finished.seal(times, counter),
      app.seals.finished.seal(times, 'oidc.default.finished'),
      app.seals.details.seal(times, counter),
      app.seals.state.seal(times, counter),
    ]) {
      agent.jar.set(`${counter}=${forged}; Path=/`, app.url)
      expect((await agent.get('/login?returnTo=/profile')).status).toBe(200)
      agent.jar.clear()
    }
    // Control: under its own key and name the same counter exceeds the limit.
    agent.jar.set(`${counter}=${app.seals.finished.seal(times, counter)}; Path=/`, app.url)
    expect((await agent.get('/login?returnTo=/profile')).status).toBe(400)
    expect(listEvents(app, 'login_failed')).toMatchObject([{ code: 'login_loop' }])
  })
})

/** Sends a request with the given bytes as its Cookie header, and resolves with the status line. */
function sendBytes(url: string, path: string, cookie: string): Promise<string> {
  const { port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1')
    let answer = ''
    socket.setTimeout(10_000, () => socket.destroy(new Error('the server did not respond')))
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? resolve(answer) : reject(error),
    )
    socket.on('close', () => resolve(answer.split('\r\n', 1)[0] ?? ''))
    const head = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/html\r\nConnection: close\r\n`
    socket.write(Buffer.from(`${head}Cookie: ${cookie}\r\n\r\n`, 'latin1'))
  })
}

describe('a malformed Cookie header', () => {
  const odd = [
    ';;',
    '=x',
    '=',
    'a',
    ';=;=;',
    '=;=x;x=;;;',
    '__proto__=x; constructor=y; prototype=z; hasOwnProperty=1; toString=2',
    'oidc.default.__proto__=x; oidc.default.constructor=y; oidc.__proto__.x=z',
    'oidc.default.=x; oidc.default=; oidc.=; oidc..=',
    'oidc%2Edefault%2Ex=1; %6F%69%64%63.default.x=1; oidc.default.%00=1; oidc.default.%=1; oidc.default.%zz=1',
    'connect.sid=%; connect.sid=%zz',
    'connect.sid=s%3A__proto__.x; connect.sid=s:constructor.y',
    'oidc.default.x_chunks=99999999; connect.sid_chunks=99999999; oidc.default_chunks=99999999',
    'oidc.default.x.0=a; oidc.default.x.1=b; oidc.default.x.99999999=c; connect.sid.0=a; connect.sid.99999999=b',
    'mod_auth_openidc_session_chunks=99999999; appSession.0=a; appSession.4294967296=b',
    '$Version=1; oidc.default.x="a;b"; $Path="/"',
    'oidc.default.x=1, oidc.default.y=2',
    'oidc.default.\u00e9\u00ff=1; \u00a0=1; \u00a0oidc.default.x=1; oidc.default.x\u00a0=1',
    'oidc.default.\t=1;\toidc.default. x =1',
    `oidc.default.${'n'.repeat(4000)}=1; ${'='.repeat(3000)}; ${';'.repeat(3000)}`,
    'oidc.default.\u007f=1',
    'oidc.default.\u0001=1; oidc.default.\u001f=1',
    'oidc.default.\u0000=1',
  ]

  it.each(odd.map((cookie) => [cookie]))(
    'a malformed Cookie header is treated like one without our cookies: %j',
    { meta: { id: 'cookie-bombs-3' } },
    async (cookie) => {
      const app = await start()
      for (const [path, expected] of [
        ['/', 200],
        ['/login', 302],
        ['/profile', 302],
        ['/callback?state=x&code=y', 400],
        ['/logout', 200],
      ] as const) {
        const line = await sendBytes(app.url, path, named(app, cookie))
        // Node itself answers 400 to an invalid header.
        const taken = /^HTTP\/1\.1 400 Bad Request$/.test(line) ? 400 : Number(line.split(' ')[1])
        expect({ path, line, known: [expected, 400].includes(taken) }).toEqual({ path, line, known: true })
      }
      expect(listEvents(app, 'login')).toEqual([])
      expect(listEvents(app, 'login_failed').every(({ code }) => code === 'state_unknown')).toBe(true)
    },
  )

  it(
    'arbitrary bytes in the Cookie header break no request, add no header and log nobody in',
    { meta: { id: 'cookie-bombs-4' } },
    async () => {
      const app = await start()
      const agent = app.agent()
      const callback = await response(agent, '/profile')
      const [name = ''] = listTransactions(agent)
      const { value = '' } = agent.jar.get(name) ?? {}
      const words =
        '= ; % %00 " , __Host- __Secure- oidc. oidc.default. finished connect.sid s: s%3A __proto__ constructor [] [a]'
      const pieces = fc.constantFrom(
        ...words.split(' '),
        app.cookie(''),
        ' ',
        '; ',
        '\t',
        '_chunks=99999999',
        '\u00a0',
        '\u00ff',
        name,
        value,
        value.slice(0, 30),
      )
      const byte = fc.integer({ min: 0x20, max: 0xff }).filter((code) => code !== 0x7f)
      const text = fc.array(
        fc.oneof(
          pieces,
          byte.map((code) => String.fromCharCode(code)),
        ),
        { maxLength: 40 },
      )
      const path = fc.constantFrom('/', '/login', '/profile', '/logout', `${new URL(callback).pathname}?state=x&code=y`)
      await fc.assert(
        fc.asyncProperty(text, path, async (parts, at) => {
          const answer = await app.agent().get(at, { headers: { cookie: parts.join('') }, redirect: 'manual' })
          const { status, headers } = answer
          expect([200, 302, 303, 400]).toContain(status)
          const to = new URL(headers.get('location') ?? '/', app.url).origin
          expect(to).toBe(status === 302 ? world.provider.issuer : app.url)
          for (const line of headers.getSetCookie()) {
            expect(line.startsWith(app.cookie(''))).toBe(true)
            expect(line).toMatch(/^[^;]*; Path=\/; Max-Age=(?:0|3600|3599); HttpOnly; SameSite=Lax$/)
          }
        }),
        { numRuns: runs(1000) },
      )
      expect(listEvents(app, 'login')).toEqual([])
      expect(world.provider.requestsTo('token')).toEqual([])
      expect((await agent.get(callback)).json()).toMatchObject({ user: { sub: 'alice' } })
    },
  )

  it('malformed parts before or after our cookie do not affect it', async () => {
    const app = await start()
    for (const noise of [';;', '=x', 'a', '__proto__=x', 'x=%', ';=;', '"', 'oidc.default.garbage=x']) {
      for (const order of ['front', 'back']) {
        const agent = app.agent()
        const callback = await response(agent, '/profile')
        const own = agent.jar.cookies(app.url).map((one) => `${one.name}=${one.value}`)
        const cookie = named(app, (order === 'front' ? [noise, ...own] : [...own, noise]).join('; '))
        const answer = await agent.get(callback, { headers: { cookie }, redirect: 'manual' })
        expect({ noise, order, to: answer.headers.get('location') }).toEqual({ noise, order, to: '/profile' })
      }
    }
  })
})

describe('cookie names similar to __Host- names', () => {
  const spellings: [string, (name: string) => string][] = [
    ['in lowercase', (name) => name.replace('__Host-', '__host-')],
    ['in uppercase', (name) => name.replace('__Host-', '__HOST-')],
    ['with percent-encoded underscores', (name) => name.replace('__', '%5F%5F')],
    ['percent-encoded as a whole', (name) => name.replace(/./g, (c) => `%${c.charCodeAt(0).toString(16)}`)],
    ['with a leading plus sign', (name) => `+${name}`],
    ['in quotes', (name) => `"${name}"`],
    ['with the prefix twice', (name) => `__Host-${name}`],
    ['with one underscore', (name) => name.replace('__', '_')],
    ['with the other prefix', (name) => name.replace('__Host-', '__Secure-')],
    ['without a prefix', (name) => name.replace('__Host-', '')],
    ['with a leading no-break space', (name) => `\u00a0${name}`],
    ['with a trailing no-break space', (name) => `${name}\u00a0`],
    ['after an empty name', (name) => `=${name}`],
  ]

  it.each(spellings)(
    'a name %s does not count as the __Host- cookie',
    { meta: { id: 'cookie-bombs-5' } },
    async (_how, spell) => {
      const app = await start(behindTls(world.provider))
      const agent = app.agent({ baseUrl: publicOrigin, proxies: { [publicOrigin]: app.url } })
      const callback = await response(agent, '/profile')
      const [name = ''] = listTransactions(agent)
      const { value = '' } = agent.jar.get(name) ?? {}
      expect(name).toMatch(/^__Host-/)
      const planted = await agent.get(callback, { headers: { cookie: `${spell(name)}=${value}` }, redirect: 'manual' })
      expect(planted.headers.get('location')).toContain(`${world.provider.issuer}/authorize`)
      expect(world.provider.requestsTo('token')).toEqual([])
      // It does not replace or invalidate the real cookie either.
      const both = { cookie: `${name}=${value}; ${spell(name)}=garbage` }
      const answer = await agent.get(changeUrl(callback, {}), { headers: both, redirect: 'manual' })
      expect({ status: answer.status, to: answer.headers.get('location') }).toEqual({ status: 303, to: '/profile' })
    },
  )
})
