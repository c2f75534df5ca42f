import { afterEach, describe, expect, it, vi } from 'vitest'
import { callResource } from '../../lib/provider/protected-resource.ts'

const url = new URL('https://api.example.com/orders')
const token = { accessToken: 'token', dpop: undefined }

afterEach(() => vi.unstubAllGlobals())

/** Has the API answer with a `WWW-Authenticate` header of this length, or without one. */
function answerWith(length: number | undefined): Response {
  const start = 'Bearer error="invalid_token", error_description="'
  const challenge = length === undefined ? undefined : `${start}${'a'.repeat(length - start.length - 1)}"`
  const response = new Response('refused', {
    status: 401,
    headers: challenge === undefined ? {} : { 'www-authenticate': challenge },
  })
  vi.stubGlobal('fetch', () => Promise.resolve(response))
  return response
}

describe('callResource()', () => {
  it('returns the challenges of a header of 4096 characters', async () => {
    const sent = answerWith(4096)
    const { response, challenges } = await callResource(token, url, {})
    expect(response).toBe(sent)
    expect(challenges).toMatchObject([{ scheme: 'bearer', parameters: { error: 'invalid_token' } }])
  })

  it.each([4097, undefined])(
    'returns the response without challenges if their header has %s characters',
    async (length) => {
      const sent = answerWith(length)
      const { response, challenges } = await callResource(token, url, {})
      expect(response).toBe(sent)
      expect(await response.text()).toBe('refused')
      expect(challenges).toEqual([])
    },
  )

  it('rejects with the error of fetch', async () => {
    const failure = new TypeError('fetch failed')
    vi.stubGlobal('fetch', () => Promise.reject(failure))
    await expect(callResource(token, url, {})).rejects.toBe(failure)
  })
})
