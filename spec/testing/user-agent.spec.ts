import { Agent } from 'node:http'
import { createServer } from 'node:https'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createUserAgent, type UserAgentResponse } from '../../lib/testing.ts'
import { close, listen } from '../support/app.ts'
import { untrustedCertificate } from '../support/fault-certificate.ts'
import { type Echo, type Pages, startPages } from './support/pages.ts'

let app: Pages
let other: Pages

beforeEach(async () => {
  app = await startPages()
  other = await startPages()
})

afterEach(async () => {
  await app.stop()
  await other.stop()
})

function seen(page: UserAgentResponse): Echo {
  return page.json() as unknown as Echo
}

/** The headers by which servers distinguish navigations, scripts and sites. */
function marks(page: UserAgentResponse): unknown[] {
  const { headers } = seen(page)
  return [
    headers['sec-fetch-site'],
    headers['sec-fetch-mode'],
    headers['sec-fetch-dest'],
    headers.origin,
    headers.referer,
  ]
}

function redirect(location: string, status = 302): { status: number; headers: { location: string } } {
  return { status, headers: { location } }
}

describe('the requests of a user agent', () => {
  it('get() sends the headers of a navigation', async () => {
    const page = await createUserAgent().get(`${app.url}/page?x=1`)
    expect(seen(page)).toMatchObject({ method: 'GET', url: '/page?x=1', body: '' })
    expect(marks(page)).toEqual(['none', 'navigate', 'document', undefined, undefined])
    expect(seen(page).headers.accept).toMatch(/^text\/html,/)
    expect(seen(page).headers['sec-fetch-user']).toBe('?1')
    expect(seen(page).headers['upgrade-insecure-requests']).toBe('1')
  })

  it('post() sends the headers of a form submission', async () => {
    const page = await createUserAgent().post(`${app.url}/form`, { a: '1 &', b: ['2', '3'] })
    expect(seen(page)).toMatchObject({ method: 'POST', body: 'a=1+%26&b=2&b=3' })
    expect(seen(page).headers['content-type']).toBe('application/x-www-form-urlencoded')
    expect(marks(page)).toEqual(['same-origin', 'navigate', 'document', app.url, `${app.url}/`])
    const empty = await createUserAgent().post(`${app.url}/form`)
    expect(seen(empty).body).toBe('')
    const list = await createUserAgent().post(`${app.url}/form`, [
      ['a', '1'],
      ['a', '2'],
    ])
    expect(seen(list).body).toBe('a=1&a=2')
  })

  it('fetch() sends the headers of a script', async () => {
    const agent = createUserAgent()
    const page = await agent.fetch(`${app.url}/api`)
    expect(marks(page)).toEqual(['same-origin', 'cors', 'empty', undefined, `${app.url}/`])
    expect(seen(page).headers.accept).toBe('*/*')
    const posted = await agent.fetch(`${app.url}/api`, {
      method: 'PUT',
      body: '{}',
      headers: { 'Content-Type': 'application/json' },
    })
    expect(seen(posted)).toMatchObject({ method: 'PUT', body: '{}', headers: { 'content-type': 'application/json' } })
    expect(marks(posted)[3]).toBe(app.url)
    const form = await agent.fetch(`${app.url}/api`, { method: 'POST', body: { a: '1' } })
    expect(seen(form)).toMatchObject({ body: 'a=1' })
    expect((await agent.fetch(`${app.url}/api`, { method: 'HEAD' })).text()).toBe('')
  })

  it('sends the headers that follow from the page that starts a request', async () => {
    const agent = createUserAgent()
    const page = await agent.get(`${app.url}/start?q`)
    expect(marks(await agent.get(`${app.url}/next`, { from: page }))).toEqual([
      'same-origin',
      'navigate',
      'document',
      undefined,
      `${app.url}/start?q`,
    ])
    expect(marks(await agent.get(`${other.url}/next`, { from: `${app.url}/start?q` }))).toEqual([
      'same-site',
      'navigate',
      'document',
      undefined,
      `${app.url}/`,
    ])
    expect(marks(await agent.post(`${app.url}/next`, {}, { crossSite: true })).slice(0, 4)).toEqual([
      'cross-site',
      'navigate',
      'document',
      'https://elsewhere.example',
    ])
    expect(marks(await agent.fetch(`${other.url}/next`, { from: page }))[3]).toBe(app.url)
  })

  it.each<[string, string | undefined, string | undefined, string]>([
    ['no-referrer', undefined, undefined, 'null'],
    ['same-origin', 'whole', undefined, 'null'],
    ['origin', 'origin', 'origin', 'origin'],
    ['strict-origin', 'origin', 'origin', 'origin'],
    ['origin-when-cross-origin', 'whole', 'origin', 'origin'],
    ['no-referrer-when-downgrade', 'whole', 'whole', 'origin'],
    ['unsafe-url', 'whole', 'whole', 'origin'],
    ['', 'whole', 'origin', 'origin'],
  ])('follows the Referrer-Policy "%s" of the page that starts a request', async (policy, same, cross, crossOrigin) => {
    app.show('/start', { headers: { 'referrer-policy': policy } })
    const agent = createUserAgent()
    const page = await agent.get(`${app.url}/start?q`)
    const forms = { whole: page.url, origin: `${app.url}/`, null: 'null' }
    const expected = (form: string | undefined): string | undefined =>
      form === undefined ? form : forms[form as 'whole']
    expect(marks(await agent.get(`${app.url}/a`, { from: page }))[4]).toBe(expected(same))
    const posted = marks(await agent.post(`${other.url}/a`, {}, { from: page }))
    expect(posted[4]).toBe(expected(cross))
    expect(posted[3]).toBe(crossOrigin === 'null' ? 'null' : app.url)
    const sameOrigin = marks(await agent.post(`${app.url}/a`, {}, { from: page }))
    expect(sameOrigin[3]).toBe(policy === 'no-referrer' ? 'null' : app.url)
  })

  it('sends no Referer from an https page to an http URL', async () => {
    const agent = createUserAgent({ proxies: { 'https://app.example.com': app.url } })
    for (const policy of ['', 'strict-origin', 'no-referrer-when-downgrade']) {
      app.show('/start', { headers: { 'referrer-policy': policy } })
      const page = await agent.get('https://app.example.com/start')
      expect(marks(await agent.get(`${other.url}/a`, { from: page }))[4]).toBeUndefined()
    }
  })

  it('adds and removes headers as the caller says', async () => {
    const agent = createUserAgent({ headers: { 'X-One': '1', 'Sec-Fetch-Mode': undefined } })
    const { headers } = seen(await agent.get(app.url, { headers: { 'x-two': '2', Accept: undefined } }))
    expect(headers).toMatchObject({ 'x-one': '1', 'x-two': '2' })
    expect(headers).not.toHaveProperty('sec-fetch-mode')
    expect(headers).not.toHaveProperty('accept')
  })
})

describe('redirects in a user agent', () => {
  it('follows redirects and records each hop', async () => {
    app.show('/a', redirect('/b?x=1#part'))
    app.show('/b', { ...redirect(`${other.url}/c`), headers: { location: `${other.url}/c`, 'set-cookie': 'b=1' } })
    other.show('/c', { headers: { 'set-cookie': ['c=1', 'bad=1; SameSite=None'] } })
    const page = await createUserAgent().get(`${app.url}/a`)
    expect(page.url).toBe(`${other.url}/c#part`)
    expect(page.hops.map(({ method, status, url }) => [method, status, url])).toEqual([
      ['GET', 302, `${app.url}/a`],
      ['GET', 302, `${app.url}/b?x=1#part`],
      ['GET', 200, `${other.url}/c#part`],
    ])
    expect(page.hops[1]?.headers.get('location')).toBe(`${other.url}/c`)
    expect(page.hops[2]?.requestHeaders.cookie).toBe('b=1')
    expect(page.hops[2]?.cookiesSet).toMatchObject([{ name: 'c', value: '1' }])
    expect(page.cookiesSet.map(({ name }) => name)).toEqual(['b', 'c'])
    expect(seen(page).headers.cookie).toBe('b=1')
    expect(page.headers.getSetCookie()).toEqual(['c=1', 'bad=1; SameSite=None'])
  })

  it.each([
    [301, 'GET', ''],
    [302, 'GET', ''],
    [303, 'GET', ''],
    [307, 'POST', 'a=1'],
    [308, 'POST', 'a=1'],
  ])('after a form, a redirect with %i uses the method %s', async (status, method, body) => {
    app.show('/a', redirect('/b', status))
    const page = await createUserAgent().post(`${app.url}/a`, { a: '1' })
    expect(seen(page)).toMatchObject({ method, body })
    expect(seen(page).headers['content-type'] === undefined).toBe(body === '')
  })

  it('keeps the method through a redirect as the Fetch standard does', async () => {
    app.show('/a', redirect('/b', 303))
    const agent = createUserAgent()
    expect((await agent.fetch(`${app.url}/a`, { method: 'HEAD' })).hops.at(-1)?.method).toBe('HEAD')
    app.show('/a', redirect('/b', 302))
    expect(seen(await agent.fetch(`${app.url}/a`, { method: 'PUT', body: 'x' }))).toMatchObject({
      method: 'PUT',
      body: 'x',
    })
  })

  it('returns a redirect if redirect is manual or its location cannot be followed', async () => {
    app.show('/a', redirect('/b'))
    const agent = createUserAgent()
    const page = await agent.get(`${app.url}/a`, { redirect: 'manual' })
    expect([page.status, page.headers.get('location'), page.hops.length]).toEqual([302, '/b', 1])
    for (const location of ['app:/deep', 'http://[']) {
      app.show('/odd', { status: 302, headers: { location, 'content-type': 'text/plain' } })
      const odd = await agent.get(`${app.url}/odd`)
      expect([odd.status, odd.headers.get('location'), odd.hops.length]).toEqual([302, location, 1])
    }
    for (const status of [302, 304]) {
      app.show('/none', { status })
      expect((await agent.get(`${app.url}/none`)).status).toBe(status)
    }
  })

  it('follows a redirect with an empty location to the same URL, until maxHops is reached', async () => {
    app.show('/same', { status: 302, headers: { location: '' } })
    const agent = createUserAgent({ maxHops: 3 })
    await expect(agent.get(`${app.url}/same?x=1`)).rejects.toThrow(
      `the redirects exceed 3 requests; the last are:\n${Array(3).fill(`302 ${app.url}/same?x=1`).join('\n')}`,
    )
  })

  it('limits redirects and refreshes, with an error that lists the last URLs', async () => {
    app.show('/a', redirect('/b'))
    app.show('/b', redirect('/a'))
    await expect(createUserAgent({ maxHops: 5 }).get(`${app.url}/a`)).rejects.toThrow(
      new RegExp(`the redirects exceed 5 requests.*302 ${app.url}/a$`, 's'),
    )
    app.show('/again', { body: '<meta http-equiv=refresh content="0;url=/again">' })
    await expect(createUserAgent().get(`${app.url}/again`)).rejects.toThrow('redirects exceed 20 requests')
  })

  it('sends the least trusted relation among all redirects as Sec-Fetch-Site', async () => {
    app.show('/out', redirect(`${other.url}/back`))
    other.show('/back', redirect(`${app.url}/end`))
    const agent = createUserAgent()
    expect(marks(await agent.get(`${app.url}/out`))[0]).toBe('none')
    expect(marks(await agent.get(`${app.url}/out`, { from: `${app.url}/` }))[0]).toBe('same-site')
    expect(marks(await agent.get(`${app.url}/out`, { crossSite: true }))[0]).toBe('cross-site')
    const apart = createUserAgent({ site: ({ origin }) => origin })
    expect(marks(await apart.get(`${app.url}/out`, { from: `${app.url}/` }))[0]).toBe('cross-site')
  })

  it('sends Origin: null after a redirect from a foreign origin to another origin', async () => {
    app.show('/out', redirect(`${other.url}/end`, 307))
    const { hops, ...page } = await createUserAgent().post(`${app.url}/out`, {}, { crossSite: true })
    expect(hops.map(({ requestHeaders }) => requestHeaders.origin)).toEqual(['https://elsewhere.example', 'null'])
    expect(page.status).toBe(200)
  })
})

describe('cookies in a user agent', () => {
  it('stores cookies, and sends them as SameSite allows', async () => {
    app.show('/set', {
      headers: { 'set-cookie': ['lax=1', 'strict=1; SameSite=Strict', 'none=1; SameSite=None; Secure'] },
    })
    const agent = createUserAgent()
    await agent.get(`${app.url}/set`)
    const cookies = (page: UserAgentResponse): string | undefined => seen(page).headers.cookie
    expect(cookies(await agent.get(`${app.url}/x`))).toBe('lax=1; strict=1; none=1')
    expect(cookies(await agent.get(`${app.url}/x`, { crossSite: true }))).toBe('lax=1; none=1')
    expect(cookies(await agent.post(`${app.url}/x`, {}, { crossSite: true }))).toBe('none=1')
    expect(cookies(await agent.fetch(`${app.url}/x`))).toBe('lax=1; strict=1; none=1')
    expect(cookies(await agent.post(`${app.url}/x`, {}, { from: `${other.url}/` }))).toBe('lax=1; strict=1; none=1')
  })

  it('neither sends nor stores cookies for a script of another origin', async () => {
    other.show('/set', { headers: { 'set-cookie': 'b=1' } })
    const agent = createUserAgent()
    agent.jar.set('a=1', app.url)
    const page = await agent.fetch(`${other.url}/set`, { from: `${app.url}/` })
    expect(seen(page).headers.cookie).toBeUndefined()
    expect(agent.jar.get('b')).toBeUndefined()
  })

  it('expires cookies by the clock of the test', async () => {
    let now = Date.now()
    app.show('/set', { headers: { 'set-cookie': 'a=1; Max-Age=60' } })
    const agent = createUserAgent({ now: () => now })
    await agent.get(`${app.url}/set`)
    expect(agent.jar.get('a')?.value).toBe('1')
    now += 60_000
    expect(agent.jar.get('a')).toBeUndefined()
  })
})

describe('pages in a user agent', () => {
  const form = `<form id="f" action="/sent" method="post"><input name="a" value="1"><input name="b">
    <button name="go" value="yes">Send it</button><button formaction="/elsewhere">Other</button></form>
    <form name="search" action="/find?old"><input name="q"></form>`

  it('submit() submits the selected form of a page, with its fields and its button', async () => {
    app.show('/page', { body: form })
    const agent = createUserAgent()
    const page = await agent.get(`${app.url}/page`)
    const sent = await agent.submit(page, { fields: { b: '2', extra: '3' } })
    expect(seen(sent)).toMatchObject({ method: 'POST', url: '/sent', body: 'a=1&b=2&extra=3&go=yes' })
    expect(marks(sent)).toEqual(['same-origin', 'navigate', 'document', app.url, page.url])
    expect(seen(await agent.submit(page, { button: 'Other' }))).toMatchObject({ url: '/elsewhere', body: 'a=1&b=' })
    expect(seen(await agent.submit(page, { button: 'go' }))).toMatchObject({ url: '/sent' })
    const found = await agent.submit(page, { form: 'search', fields: { q: 'x y' } })
    expect(seen(found)).toMatchObject({ method: 'GET', url: '/find?q=x+y' })
    expect(seen(await agent.submit(page, { form: 1 })).url).toBe('/find?q=')
    expect(seen(await agent.submit(page, { form: 'f' })).url).toBe('/sent')
    await expect(agent.submit(page, { button: 'Nope' })).rejects.toThrow(
      'the button "Nope" does not exist; the page has "Send it", "Other"',
    )
    await expect(agent.submit(page, { form: 'search', button: 'x' })).rejects.toThrow(
      'the button "x" does not exist; the page has none',
    )
    await expect(agent.submit(page, { form: 'nope' })).rejects.toThrow('the form does not exist; the page has 2')
  })

  it('submit() sends a form without an action to the URL of the page', async () => {
    app.show('/self', { body: '<form method=post><button>Go</button></form>' })
    const agent = createUserAgent()
    const page = await agent.submit(await agent.get(`${app.url}/self?x=1`), { redirect: 'manual' })
    expect(page.url).toBe(`${app.url}/self?x=1`)
  })

  it('click() follows a link of the page', async () => {
    app.show('/page', { body: '<a href="next?x">Log in</a>' })
    const agent = createUserAgent()
    const page = await agent.get(`${app.url}/page`)
    expect(seen(await agent.click(page, 'Log in'))).toMatchObject({ url: '/next?x', headers: { referer: page.url } })
    expect(seen(await agent.click(page, 'next?x')).url).toBe('/next?x')
    await expect(agent.click(page, 'Log out')).rejects.toThrow(
      'the link "Log out" does not exist; the page has "Log in"',
    )
    app.show('/empty', { body: '' })
    await expect(agent.click(await agent.get(`${app.url}/empty`), 'x')).rejects.toThrow('the page has none')
  })

  it('follows pages that refresh or submit themselves, unless an option says otherwise', async () => {
    app.show('/refresh', { body: '<meta http-equiv="refresh" content="0;url=/auto">' })
    app.show('/auto', {
      body: `<form method=post action="${other.url}/sent">
        <input type=hidden name=code value=1><button name=x>Go</button></form>
        <script>document.forms[0].submit()</script>`,
    })
    const agent = createUserAgent()
    const page = await agent.get(`${app.url}/refresh`)
    expect(page.hops.map(({ url }) => url)).toEqual([`${app.url}/refresh`, `${app.url}/auto`, `${other.url}/sent`])
    expect(seen(page)).toMatchObject({ method: 'POST', body: 'code=1' })
    expect(marks(page)).toEqual(['same-site', 'navigate', 'document', app.url, `${app.url}/`])
    expect(page.hops.map(({ requestHeaders }) => requestHeaders['sec-fetch-user'])).toEqual([
      '?1',
      undefined,
      undefined,
    ])
    expect((await agent.get(`${app.url}/refresh`, { followForms: false })).url).toBe(`${app.url}/auto`)
    expect((await agent.get(`${app.url}/refresh`, { followRefresh: false })).url).toBe(`${app.url}/refresh`)
    expect((await agent.fetch(`${app.url}/refresh`)).url).toBe(`${app.url}/refresh`)
  })

  it('json() throws an error with the body if that is not JSON', async () => {
    app.show('/page', { body: '<h1>Oops</h1>' })
    const page = await createUserAgent().get(`${app.url}/page`)
    expect(() => page.json()).toThrow(`not JSON (200 ${app.url}/page): <h1>Oops</h1>`)
  })
})

describe('createUserAgent()', () => {
  it('resolves URLs against baseUrl', async () => {
    const agent = createUserAgent({ baseUrl: `${app.url}/sub/` })
    expect((await agent.get('page')).url).toBe(`${app.url}/sub/page`)
    expect((await agent.get('/page', { from: '/start' })).hops[0]?.requestHeaders.referer).toBe(`${app.url}/start`)
  })

  it('simulates the proxy in front of an application with proxies', async () => {
    app.show('/set', { headers: { 'set-cookie': '__Host-a=1; Secure; Path=/' } })
    const agent = createUserAgent({
      proxies: { 'https://app.example.com': app.url },
      baseUrl: 'https://app.example.com',
    })
    expect((await agent.get('/set')).cookiesSet).toMatchObject([{ name: '__Host-a' }])
    const page = await agent.get('/page?x')
    expect(page.url).toBe('https://app.example.com/page?x')
    expect(seen(page)).toMatchObject({
      url: '/page?x',
      headers: {
        host: 'app.example.com',
        cookie: '__Host-a=1',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'app.example.com',
        'x-forwarded-for': '127.0.0.1',
      },
    })
  })

  it('uses TLS for https', async () => {
    const url = app.url.replace('http:', 'https:')
    await expect(createUserAgent({ ca: '' }).get(url)).rejects.toMatchObject({
      code: expect.stringMatching(/SSL|TLS|EPROTO/) as string,
    })
  })

  it('rejects a self-signed certificate unless it is the `ca`', async () => {
    const { key, cert } = await untrustedCertificate()
    let requests = 0
    const server = createServer({ key, cert }, (_req, res) => {
      requests++
      res.end('secure')
    })
    try {
      const url = (await listen(server)).replace('http:', 'https:')
      for (const options of [{}, { ca: (await untrustedCertificate()).cert }]) {
        await expect(createUserAgent(options).get(url)).rejects.toMatchObject({
          code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO_VERIFY|SIGNATURE/) as string,
        })
      }
      expect(requests).toBe(0)
      expect((await createUserAgent({ ca: cert }).get(url)).text()).toBe('secure')
    } finally {
      await close(server)
    }
  })

  it('keeps connections open with an agent', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const page = await createUserAgent({ agent }).get(app.url)
    expect(seen(page).headers.connection).toBe('keep-alive')
    agent.destroy()
    expect(seen(await createUserAgent().get(app.url)).headers.connection).toBe('close')
  })

  it('aborts a request with a signal', async () => {
    const signal = AbortSignal.abort()
    await expect(createUserAgent().get(app.url, { signal })).rejects.toMatchObject({ name: 'AbortError' })
  })

  it.each<[object, string]>([
    [{ base: 'x' }, '"base" is not a member of the options of createUserAgent'],
    [{ maxHops: 0 }, 'maxHops must be a whole number'],
    [{ baseUrl: '/x' }, 'baseUrl must be an absolute URL'],
  ])('rejects the options %j', (options, message) => {
    expect(() => createUserAgent(options)).toThrow(message)
  })
})
