import type { Request } from 'express'
import { describe, expect, it } from 'vitest'
import { findRequestKind } from '../../../lib/http/request/request-kind.ts'

type Headers = Record<string, string>

function request(method: string, headers: Headers): Request {
  return { method, headers } as unknown as Request
}

const page = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

describe('findRequestKind()', () => {
  it.each([
    ['a current browser', { accept: page, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
    ['a browser without Fetch Metadata', { accept: page }],
    ['only text/html', { accept: 'text/html' }],
    ['text/html with a weight', { accept: 'application/json, text/html;q=0.5' }],
    ['text/html with spaces and capitals', { accept: 'application/json ,  Text/HTML ; q=0.9' }],
    ['a Sec-Purpose other than prefetch', { accept: page, 'sec-purpose': 'something-new' }],
  ] satisfies [string, Headers][])('classifies %s as a navigation, or as a form with POST', (_, headers) => {
    for (const method of ['GET', 'HEAD']) expect(findRequestKind(request(method, headers)), method).toBe('navigation')
    expect(findRequestKind(request('POST', headers))).toBe('form')
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      expect(findRequestKind(request(method, headers)), method).not.toBe('navigation')
    }
  })

  it.each([
    ['no Accept', {}],
    ['*/*, as fetch and curl send it', { accept: '*/*' }],
    ['text/*', { accept: 'text/*' }],
    ['JSON', { accept: 'application/json' }],
    ['only XHTML', { accept: 'application/xhtml+xml' }],
    ['a type that only begins with text/html', { accept: 'text/html-fragment, text/htmlx' }],
    ['a type that only ends with text/html', { accept: 'x-text/html' }],
    ['text/html as a parameter', { accept: 'application/json;profile="text/html"' }],
    ['fetch that accepts text/html', { accept: page, 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
    ['fetch of the same origin', { accept: page, 'sec-fetch-mode': 'same-origin' }],
    ['an image', { accept: page, 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    ['a frame', { accept: page, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }],
    ['a WebSocket', { accept: page, 'sec-fetch-mode': 'websocket' }],
    ['XMLHttpRequest', { accept: page, 'x-requested-with': 'XMLHttpRequest' }],
    ['htmx and similar libraries', { accept: page, 'x-requested-with': '' }],
    ['a prefetch', { accept: page, 'sec-fetch-mode': 'navigate', 'sec-purpose': 'prefetch' }],
    ['a prefetch through a proxy', { accept: page, 'sec-purpose': 'prefetch;anonymous-client-ip' }],
    ['a prerender', { accept: page, 'sec-purpose': 'prefetch;prerender' }],
    ['a prefetch of an older browser', { accept: page, purpose: 'prefetch' }],
  ] satisfies [string, Headers][])('classifies %s as a client, whatever the method', (_, headers) => {
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
      expect(findRequestKind(request(method, headers)), method).toBe('client')
    }
  })
})
