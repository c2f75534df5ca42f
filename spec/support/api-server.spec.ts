import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type ApiServer, startApiServer } from './api-server.ts'
import { Gate } from './gate.ts'

let api: ApiServer

beforeAll(async () => {
  api = await startApiServer()
})
beforeEach(() => api.reset())
afterAll(() => api.stop())

it('the API server records the requests that it receives', async () => {
  const headers = { authorization: 'Bearer x', 'content-type': 'text/plain' }
  const answer = await fetch(`${api.origin}/orders?open=1`, { method: 'POST', headers, body: 'two' })
  expect([answer.status, await answer.text()]).toEqual([200, ''])
  await fetch(api.origin)
  expect(api.requests).toMatchObject([
    { method: 'POST', path: '/orders?open=1', headers, body: 'two' },
    { method: 'GET', path: '/', body: '' },
  ])
  expect(api.authorizations).toEqual(['Bearer x', undefined])
})

it('the API server answers as configured, once or for all requests', async () => {
  api.answer({ status: 401, headers: { 'www-authenticate': ['Bearer', 'DPoP'] } })
  api.answerOnce({ body: { orders: [] } })
  api.answerOnce(({ path }) => ({ status: 201, headers: { 'content-type': 'text/plain' }, body: path }))
  const first = await fetch(api.origin)
  expect([first.headers.get('content-type'), await first.json()]).toEqual(['application/json', { orders: [] }])
  const second = await fetch(`${api.origin}/new`)
  expect([second.status, await second.text()]).toEqual([201, '/new'])
  for (let round = 0; round < 2; round++) {
    const { status, headers } = await fetch(api.origin)
    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer, DPoP'])
  }
  api.reset()
  expect((await fetch(api.origin)).status).toBe(200)
  expect(api.requests).toHaveLength(1)
})

it('the API server can hold a request and cut a connection', async () => {
  const gate = new Gate()
  api.answerOnce(async () => {
    await gate.pass()
    return { status: 204 }
  })
  const held = fetch(api.origin)
  await gate.arrived
  expect(api.requests).toHaveLength(1)
  gate.open()
  expect((await held).status).toBe(204)
  api.answerOnce({ drop: true })
  await expect(fetch(api.origin)).rejects.toThrow('fetch failed')
})

it('the API server stops at the end of an `await using` block', async () => {
  let origin = ''
  {
    await using other = await startApiServer()
    ;({ origin } = other)
    expect(origin).not.toBe(api.origin)
  }
  await expect(fetch(origin)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
})
