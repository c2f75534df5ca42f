import { describe, expect, it } from 'vitest'
import { maskSecrets } from '../../lib/core/describe.ts'
import { listRequestSecrets } from '../../lib/core/request-secrets.ts'

describe('listRequestSecrets()', () => {
  const token = 'eyJhbGciOiJSUzI1NiJ9.payload.signature'
  const req = {
    url: '/callback?code=the-code-of-the-login&state=the-state-of-the-login&tab=a-tab-of-the-page&access_token=token-in-the-query',
    headers: {
      authorization: `Bearer ${token}`,
      dpop: 'the-proof.of.possession',
      cookie: 'theme=dark; connect.sid=s%3Athe-session-id.signature; "x"',
    },
  }

  it.each([
    token,
    `Bearer ${token}`,
    'the-proof.of.possession',
    's%3Athe-session-id.signature',
    req.headers.cookie,
    'the-code-of-the-login',
    'the-state-of-the-login',
    'token-in-the-query',
  ])('lists credentials: %s', (secret) => {
    expect(maskSecrets(`quoted: ${secret}.`, listRequestSecrets(req))).toBe('quoted: [secret].')
  })

  it('lists neither words nor other parameters', () => {
    const text = 'Bearer of a dark theme on a-tab-of-the-page'
    expect(maskSecrets(text, listRequestSecrets(req))).toBe(text)
  })

  it('lists nothing without a request, headers or an address', () => {
    expect(listRequestSecrets(undefined)).toEqual([])
    expect(listRequestSecrets({ headers: {}, url: undefined })).toEqual([])
    expect(listRequestSecrets({ url: '/?' } as never)).toEqual([])
  })
})
