import { getEventListeners } from 'node:events'
import { createServer } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { makeHttpClient } from '../../lib/provider/http-client.ts'
import { close, listen } from '../support/app.ts'

const options = { fetch: undefined, timeoutSeconds: 5, allowInsecure: false }

describe('requests to the provider', () => {
  it.each(['http://id.example.com/x', 'ftp://id.example.com/', 'file:///etc/passwd', 'data:,x'])(
    'sends no request to %s',
    async (url) => {
      let requested = 0
      const fetch = async (): Promise<Response> => {
        requested++
        return new Response('')
      }
      await expect(makeHttpClient({ ...options, fetch })(url, {})).rejects.toThrow(/use https:/)
      expect(requested).toBe(0)
    },
  )

  it('sends a request over plain http if that is permitted', { meta: { id: 'http-client-1' } }, async () => {
    const fetch = async (): Promise<Response> => new Response('yes')
    const answer = await makeHttpClient({ ...options, fetch, allowInsecure: true })('http://id.example.com/x', {})
    expect(await answer.text()).toBe('yes')
  })

  it('does not follow redirects', async () => {
    const server = createServer((_req, res) => res.writeHead(302, { location: '/elsewhere' }).end())
    const url = await listen(server)
    const answer = await makeHttpClient(options)(url, {})
    await close(server)
    expect(answer.status).toBe(302)
  })

  it.each([204, 205, 304])('accepts a response with status %i, which has no body', async (status) => {
    const server = createServer((_req, res) => res.writeHead(status).end())
    const url = await listen(server)
    const answer = await makeHttpClient(options)(url, {})
    await close(server)
    expect(answer.status).toBe(status)
    expect(await answer.text()).toBe('')
  })

  it(
    'times out and cancels the body, even if the fetch function ignores signals',
    { meta: { id: 'http-client-2' } },
    async () => {
      let cancelled = false
      const body = new ReadableStream({
        cancel() {
          cancelled = true
        },
      })
      const fetch = async (): Promise<Response> => new Response(body)
      const began = performance.now()
      await expect(
        makeHttpClient({ ...options, fetch, timeoutSeconds: 0.1 })('https://id.example.com/', {}),
      ).rejects.toThrow()
      expect(performance.now() - began).toBeLessThan(3000)
      expect(cancelled).toBe(true)
    },
  )

  it('aborts a request when the signal of the caller aborts', async () => {
    const controller = new AbortController()
    const fetch = async (): Promise<Response> => {
      setImmediate(() => controller.abort(new Error('enough')))
      return new Response(new ReadableStream())
    }
    const requested = makeHttpClient({ ...options, fetch })('https://id.example.com/', { signal: controller.signal })
    await expect(requested).rejects.toThrow('enough')
  })

  it('rejects a request if the signal of the caller is already aborted', async () => {
    const signal = AbortSignal.abort(new Error('no longer wanted'))
    await expect(makeHttpClient(options)('https://id.example.com/', { signal })).rejects.toThrow('no longer wanted')
  })

  it('leaves no listener on the signal of the caller and no response in memory', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const answers: WeakRef<Response>[] = []
    const asking = new AbortController()
    // openid-client passes timeout signals, which Node keeps in memory as long as they have a listener.
    const signals = [asking.signal, AbortSignal.timeout(600_000)]
    const fetch = async (): Promise<Response> => {
      const answer = new Response('{}')
      answers.push(new WeakRef(answer))
      return answer
    }
    for (const signal of signals) {
      for (let times = 0; times < 20; times++) {
        await makeHttpClient({ ...options, fetch, timeoutSeconds: 600 })('https://id.example.com/', { signal })
      }
      expect(getEventListeners(signal, 'abort')).toEqual([])
    }
    await expect
      .poll(() => {
        collect()
        return answers.filter((answer) => answer.deref() !== undefined).length
      })
      .toBeLessThanOrEqual(1)
  })

  it(
    'times out even if a fetch function that ignores signals resolves too late or never',
    { timeout: 3000 },
    async () => {
      const late = (): Promise<Response> =>
        new Promise((resolve) => setTimeout(() => resolve(new Response(new ReadableStream())), 300))
      const never = (): Promise<Response> => new Promise(() => {})
      for (const fetch of [late, never]) {
        const requested = makeHttpClient({ ...options, fetch, timeoutSeconds: 0.1 })('https://id.example.com/', {})
        await expect(requested).rejects.toThrow()
      }
    },
  )

  it('accepts a response of at most one megabyte', { meta: { id: 'http-client-3' } }, async () => {
    const of = (bytes: number) => async (): Promise<Response> => new Response('x'.repeat(bytes))
    const most = await makeHttpClient({ ...options, fetch: of(1024 * 1024) })('https://id.example.com/', {})
    expect((await most.text()).length).toBe(1024 * 1024)
    await expect(
      makeHttpClient({ ...options, fetch: of(1024 * 1024 + 1) })('https://id.example.com/', {}),
    ).rejects.toThrow(/exceeds/)
  })
})
