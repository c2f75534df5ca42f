import type { Request } from 'express'
import { describe, expect, it } from 'vitest'
import { kindOf } from '../../../lib/http/request/request-kind.ts'

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
