import type { Request } from 'express'
import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../../lib/config/resolve.ts'
import { findCrossSiteFault, isFromElsewhere } from '../../../lib/http/request/cross-site.ts'

type Headers = Record<string, string>

function request(method: string, headers: Headers): Request {
  return { method, headers } as unknown as Request
}

describe('findCrossSiteFault()', () => {
  const options = resolveOptions({
    issuer: 'https://id.example.com',
    clientId: 'web',
    clientSecret: 'a client secret',
    baseUrl: 'https://app.example.com/shop',
    secret: 'a secret of more than thirty-two characters',
    allowedOrigins: ['https://www.example.com'],
  })
  const refusal = (headers: Headers, method = 'POST'): string | undefined =>
    findCrossSiteFault(request(method, headers), options)

  const passes: [string, Headers][] = [
    ['neither header, since it is not a browser', {}],
    ['Sec-Fetch-Site same-origin', { 'sec-fetch-site': 'same-origin', origin: 'https://app.example.com' }],
    ['Sec-Fetch-Site same-origin without Origin', { 'sec-fetch-site': 'same-origin' }],
    ['Sec-Fetch-Site none, since the user started it', { 'sec-fetch-site': 'none' }],
    ["the application's own origin", { origin: 'https://app.example.com' }],
    ['a listed origin of the same site', { 'sec-fetch-site': 'same-site', origin: 'https://www.example.com' }],
    ['a listed origin of another site', { 'sec-fetch-site': 'cross-site', origin: 'https://www.example.com' }],
    ['a listed origin without Sec-Fetch-Site', { origin: 'https://www.example.com' }],
  ]
  it.each(passes)('accepts an unsafe request with %s', (_, headers) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) expect(refusal(headers, method)).toBeUndefined()
  })

  const refused: [string, Headers, RegExp][] = [
    ['Sec-Fetch-Site cross-site', { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }, /another site/],
    ['Sec-Fetch-Site cross-site without Origin', { 'sec-fetch-site': 'cross-site' }, /another site/],
    [
      "Sec-Fetch-Site cross-site and the application's own origin",
      { 'sec-fetch-site': 'cross-site', origin: 'https://app.example.com' },
      /another site/,
    ],
    [
      'Sec-Fetch-Site same-site and an origin that is not listed',
      { 'sec-fetch-site': 'same-site', origin: 'https://old.example.com' },
      /another origin of this site/,
    ],
    ['Sec-Fetch-Site same-site without Origin', { 'sec-fetch-site': 'same-site' }, /another origin of this site/],
    ['an unknown Sec-Fetch-Site', { 'sec-fetch-site': 'near' }, /another site/],
    ['another origin', { origin: 'https://evil.example' }, /another origin/],
    ["the application's own host over plain http", { origin: 'http://app.example.com' }, /another origin/],
    ["the application's own host on another port", { origin: 'https://app.example.com:8443' }, /another origin/],
    [
      "a host that begins like the application's own",
      { origin: 'https://app.example.com.evil.example' },
      /another origin/,
    ],
    ['a host that begins like a listed one', { origin: 'https://www.example.com.evil.example' }, /another origin/],
    ['Origin null', { origin: 'null' }, /Referrer-Policy/],
  ]
  it.each(refused)('rejects an unsafe request with %s', { meta: { id: 'origin-1' } }, (_, headers, message) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const found = refusal(headers, method)
      expect(found).toMatch(message)
    }
  })

  it.each(['GET', 'HEAD', 'OPTIONS'])('accepts any %s request, which is safe', (method) => {
    for (const [, headers] of refused) expect(refusal(headers, method)).toBeUndefined()
  })
})

describe('isFromElsewhere()', () => {
  const origin = 'https://app.example.com'

  it.each<[string, Headers, boolean]>([
    ['Sec-Fetch-Site same-origin', { 'sec-fetch-site': 'same-origin' }, false],
    ['Sec-Fetch-Site none, as of an address that the user typed', { 'sec-fetch-site': 'none' }, false],
    ['Sec-Fetch-Site same-site', { 'sec-fetch-site': 'same-site' }, true],
    ['Sec-Fetch-Site cross-site', { 'sec-fetch-site': 'cross-site' }, true],
    ['an unknown Sec-Fetch-Site', { 'sec-fetch-site': 'same-origin, none' }, true],
    ['an empty Sec-Fetch-Site', { 'sec-fetch-site': '' }, true],
    [
      'Sec-Fetch-Site cross-site and a Referer of ours',
      { 'sec-fetch-site': 'cross-site', referer: `${origin}/` },
      true,
    ],
    [
      'Sec-Fetch-Site same-origin and a foreign Referer',
      { 'sec-fetch-site': 'same-origin', referer: 'https://a/' },
      false,
    ],
    ['a Referer of this origin', { referer: `${origin}/page?a=1` }, false],
    ['a Referer of another origin', { referer: 'https://evil.example/page' }, true],
    ['a Referer of another origin of the site', { referer: 'https://www.example.com/' }, true],
    ['a Referer of the origin over http', { referer: 'http://app.example.com/' }, true],
    ['a Referer that begins with the origin', { referer: `${origin}.evil.example/` }, true],
    ['a malformed Referer', { referer: 'page' }, true],
    // A page can keep its Referer back.
    ['neither header', {}, true],
  ])('for a request with %s, returns %j', (_name, headers, expected) => {
    expect(isFromElsewhere(request('GET', headers), { origin })).toBe(expected)
  })
})
