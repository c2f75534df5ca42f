import type { Request } from 'express'
import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../lib/config/resolve.ts'
import { crossSite, kindOf } from '../../lib/http/origin.ts'

type Headers = Record<string, string>

function request(method: string, headers: Headers): Request {
  return { method, headers } as unknown as Request
}

const page = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

describe('what a request is', () => {
  it.each([
    ['a browser of today', { accept: page, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
    ['a browser that sends no Fetch Metadata', { accept: page }],
    ['text/html alone', { accept: 'text/html' }],
    ['text/html with a weight', { accept: 'application/json, text/html;q=0.5' }],
    ['text/html with blanks and capitals', { accept: 'application/json ,  Text/HTML ; q=0.9' }],
    ['a Sec-Purpose that is no prefetch', { accept: page, 'sec-purpose': 'something-new' }],
  ] satisfies [string, Headers][])('%s: a navigation, by POST a form', (_, headers) => {
    for (const method of ['GET', 'HEAD']) expect(kindOf(request(method, headers)), method).toBe('navigation')
    expect(kindOf(request('POST', headers))).toBe('form')
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      expect(kindOf(request(method, headers)), method).not.toBe('navigation')
    }
  })

  it.each([
    ['no Accept', {}],
    ['*/*, as fetch and curl send it', { accept: '*/*' }],
    ['text/*', { accept: 'text/*' }],
    ['JSON', { accept: 'application/json' }],
    ['XHTML alone', { accept: 'application/xhtml+xml' }],
    ['a type whose name only begins so', { accept: 'text/html-fragment, text/htmlx' }],
    ['a type whose name only ends so', { accept: 'x-text/html' }],
    ['text/html as a parameter', { accept: 'application/json;profile="text/html"' }],
    ['fetch that names text/html', { accept: page, 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    ['fetch of the same origin', { accept: page, 'sec-fetch-mode': 'same-origin' }],
    ['an image', { accept: page, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    ['a frame', { accept: page, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }],
    ['a WebSocket', { accept: page, 'sec-fetch-mode': 'websocket' }],
    ['XMLHttpRequest', { accept: page, 'x-requested-with': 'XMLHttpRequest' }],
    ['htmx and the like, whatever they say', { accept: page, 'x-requested-with': '' }],
    ['a prefetch', { accept: page, 'sec-fetch-mode': 'navigate', 'sec-purpose': 'prefetch' }],
    ['a prefetch through a proxy', { accept: page, 'sec-purpose': 'prefetch;anonymous-client-ip' }],
    ['a prerendering', { accept: page, 'sec-purpose': 'prefetch;prerender' }],
    ['an older prefetch', { accept: page, purpose: 'prefetch' }],
  ] satisfies [string, Headers][])('%s: a client, whatever the method', (_, headers) => {
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
      expect(kindOf(request(method, headers)), method).toBe('client')
    }
  })
})

describe('whether an unsafe request comes from another site', () => {
  const options = resolveOptions({
    issuer: 'https://id.example.com',
    clientId: 'web',
    clientSecret: 'a client secret',
    baseUrl: 'https://app.example.com/shop',
    secret: 'a secret of more than thirty-two characters',
    allowedOrigins: ['https://www.example.com'],
  })
  const refusal = (headers: Headers, method = 'POST'): string | undefined =>
    crossSite(request(method, headers), options)

  const passes: [string, Headers][] = [
    ['neither header: no browser', {}],
    ['Sec-Fetch-Site same-origin', { 'sec-fetch-site': 'same-origin', origin: 'https://app.example.com' }],
    ['Sec-Fetch-Site same-origin without Origin', { 'sec-fetch-site': 'same-origin' }],
    ['Sec-Fetch-Site none: the user did it', { 'sec-fetch-site': 'none' }],
    ['the own origin', { origin: 'https://app.example.com' }],
    ['a listed origin of the same site', { 'sec-fetch-site': 'same-site', origin: 'https://www.example.com' }],
    ['a listed origin of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://www.example.com' }],
    ['a listed origin without Sec-Fetch-Site', { origin: 'https://www.example.com' }],
  ]
  it.each(passes)('passes: %s', (_, headers) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) expect(refusal(headers, method)).toBeUndefined()
  })

  const refused: [string, Headers, RegExp][] = [
    ['cross-site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, /another site/],
    ['cross-site without Origin', { 'sec-fetch-site': 'cross-site' }, /another site/],
    [
      'cross-site that claims the own origin',
      { 'sec-fetch-site': 'cross-site', origin: 'https://app.example.com' },
      /another site/,
    ],
    [
      'same-site, not listed',
      { 'sec-fetch-site': 'same-site', origin: 'https://old.example.com' },
      /another origin of this site/,
    ],
    ['same-site without Origin', { 'sec-fetch-site': 'same-site' }, /another origin of this site/],
    ['a Sec-Fetch-Site that nobody knows', { 'sec-fetch-site': 'near' }, /another site/],
    ['another origin', { origin: 'https://evil.example' }, /another origin/],
    ['the own host over plain http', { origin: 'http://app.example.com' }, /another origin/],
    ['the own host on another port', { origin: 'https://app.example.com:8443' }, /another origin/],
    ['a host that begins like the own', { origin: 'https://app.example.com.evil.example' }, /another origin/],
    ['a host that begins like a listed one', { origin: 'https://www.example.com.evil.example' }, /another origin/],
    ['Origin null', { origin: 'null' }, /Referrer-Policy/],
  ]
  it.each(refused)('refuses: %s', { meta: { id: 'origin-1' } }, (_, headers, message) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const found = refusal(headers, method)
      expect(found).toMatch(message)
    }
  })

  it.each(['GET', 'HEAD', 'OPTIONS'])('says nothing of %s, which changes nothing', (method) => {
    for (const [, headers] of refused) expect(refusal(headers, method)).toBeUndefined()
  })
})
