import { getEventListeners } from 'node:events'
import { createServer } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { httpClient } from '../../lib/provider/http-client.ts'
import { close, listen } from '../support/app.ts'

const options = { fetch: undefined, timeoutSeconds: 5, allowInsecure: false }

describe('requests to the provider', () => {
  it.each(['http://id.example.com/x', 'ftp://id.example.com/', 'file:///etc/passwd', 'data:,x'])(
    'do not go to %s',
    async (url) => {
      let asked = 0
      const fetch = async (): Promise<Response> => {
        asked++
        return new Response('')
      }
      await expect(httpClient({ ...options, fetch })(url, {})).rejects.toThrow(/only https:/)
      expect(asked).toBe(0)
    },
  )

  it('go there in clear where that is permitted', { meta: { id: 'http-client-1' } }, async () => {
    const fetch = async (): Promise<Response> => new Response('yes')
    const answer = await httpClient({ ...options, fetch, allowInsecure: true })('http://id.example.com/x', {})
    expect(await answer.text()).toBe('yes')
  })

  it('follow no redirect', async () => {
    const server = createServer((_req, res) => res.writeHead(302, { location: '/elsewhere' }).end())
    const url = await listen(server)
    const answer = await httpClient(options)(url, {})
    await close(server)
    expect(answer.status).toBe(302)
  })

  it.each([204, 205, 304])('take an answer without body: %i', async (status) => {
    const server = createServer((_req, res) => res.writeHead(status).end())
    const url = await listen(server)
    const answer = await httpClient(options)(url, {})
    await close(server)
    expect(answer.status).toBe(status)
    expect(await answer.text()).toBe('')
  })

  it(
    'end with the time that they have, also through a fetch that does not listen to signals',
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
        httpClient({ ...options, fetch, timeoutSeconds: 0.1 })('https://id.example.com/', {}),
      ).rejects.toThrow()
      expect(performance.now() - began).toBeLessThan(3000)
      expect(cancelled).toBe(true)
    },
  )

  it('end with the signal of who asked', async () => {
    const controller = new AbortController()
    const fetch = async (): Promise<Response> => {
      setImmediate(() => controller.abort(new Error('enough')))
      return new Response(new ReadableStream())
    }
    const asked = httpClient({ ...options, fetch })('https://id.example.com/', { signal: controller.signal })
    await expect(asked).rejects.toThrow('enough')
  })

  it('are not sent where the one who asked has given up already', async () => {
    const signal = AbortSignal.abort(new Error('no longer wanted'))
    await expect(httpClient(options)('https://id.example.com/', { signal })).rejects.toThrow('no longer wanted')
  })

  it('leave nothing behind, in who asked or in memory, however long that lives', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const answers: WeakRef<Response>[] = []
    const asking = new AbortController()
    // Of a time-out, as openid-client gives them: Node keeps such a signal for as long as anybody listens to it.
    const signals = [asking.signal, AbortSignal.timeout(600_000)]
    const fetch = async (): Promise<Response> => {
      const answer = new Response('{}')
      answers.push(new WeakRef(answer))
      return answer
    }
    for (const signal of signals) {
      for (let times = 0; times < 20; times++) {
        await httpClient({ ...options, fetch, timeoutSeconds: 600 })('https://id.example.com/', { signal })
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

  it('end in time also where such a fetch answers too late, or never', { timeout: 3000 }, async () => {
    const late = (): Promise<Response> =>
      new Promise((resolve) => setTimeout(() => resolve(new Response(new ReadableStream())), 300))
    const never = (): Promise<Response> => new Promise(() => {})
    for (const fetch of [late, never]) {
      const asked = httpClient({ ...options, fetch, timeoutSeconds: 0.1 })('https://id.example.com/', {})
      await expect(asked).rejects.toThrow()
    }
  })

  it('take a megabyte and no more', { meta: { id: 'http-client-3' } }, async () => {
    const of = (bytes: number) => async (): Promise<Response> => new Response('x'.repeat(bytes))
    const most = await httpClient({ ...options, fetch: of(1024 * 1024) })('https://id.example.com/', {})
    expect((await most.text()).length).toBe(1024 * 1024)
    await expect(httpClient({ ...options, fetch: of(1024 * 1024 + 1) })('https://id.example.com/', {})).rejects.toThrow(
      /larger than/,
    )
  })
})
