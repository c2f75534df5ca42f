import { createOidc } from 'express-session-oidc'
import { redisRecords } from 'express-session-oidc/redis'
import type { OidcRecords } from 'express-session-oidc'
import { describe, expect, it, vi } from 'vitest'
import { formatRedisKey } from '../../../lib/store/redis-client.ts'
import { secret, type TestApp } from '../../support/app.ts'
import { flow, noteRoutes, listNotes, listEvents } from '../../support/flow.ts'

const world = flow()

function startTwo(records?: OidcRecords): Promise<TestApp> {
  return world.start({
    options: { records },
    routes: (express, _oidc, url) => {
      const staff = createOidc({ ...world.provider.settings(), baseUrl: url, secret, name: 'staff', records })
      express.use(staff.router)
      noteRoutes(express)
      express.get('/staff', staff.requireAuth(), (req, res) => void res.json({ sub: req.oidc.user?.sub }))
    },
  })
}

function getLoginKey(id: string): string {
  return formatRedisKey({ session: id, part: 'login' }, 'sess:')
}

describe('a logout by the user', () => {
  it('a logout of the last login deletes the session and its data', async () => {
    const app = await startTwo()
    const agent = app.agent()
    await agent.get('/profile')
    await agent.get('/note/secret')
    const { id } = await listNotes(agent, app)
    await agent.post('/logout')
    expect(await listNotes(agent, app)).toMatchObject({ notes: [], sub: null })
    const left = await world.redis.client.keys(`*${id}*`)
    expect(left).toEqual([])
    expect(listEvents(app, 'logout')).toMatchObject([{ sub: 'alice', reason: 'user' }])
  })

  it('a logout keeps the login with another instance and the session data', async () => {
    const app = await startTwo()
    const agent = app.agent()
    await agent.get('/profile')
    await agent.get('/staff')
    await agent.get('/note/apples')
    await agent.post('/logout', {}, { followRefresh: false })
    expect((await agent.get('/staff')).hops).toHaveLength(1)
    expect((await listNotes(agent, app)).notes).toEqual(['apples'])
    expect((await agent.get('/profile', { redirect: 'manual' })).status).toBe(302)
  })

  it('a logout without a login emits no event and redirects all the same', async () => {
    const app = await startTwo()
    const agent = app.agent()
    await agent.get('/note/apples')
    const page = await agent.post('/logout')
    expect(page.status).toBe(200)
    expect(listEvents(app, 'logout')).toEqual([])
    expect((await listNotes(agent, app)).notes).toEqual(['apples'])
  })

  it('a logout finds a login that moved to another session while the request ran', async () => {
    // The records hold the first replacement by the logout, so that the other login is written before it.
    const real = redisRecords({ client: world.redis.client })
    let stop: Promise<void> | undefined
    let reached: () => void = () => {}
    const records: OidcRecords = {
      ...real,
      replace: async (key, expected, value, seconds) => {
        if (stop !== undefined && value === undefined) {
          const waiting = stop
          stop = undefined
          reached()
          await waiting
        }
        return real.replace(key, expected, value, seconds)
      },
    }
    const app = await startTwo(records)
    const agent = app.agent()
    await agent.get('/profile')
    let go: () => void = () => {}
    stop = new Promise((resolve) => (go = resolve))
    const there = new Promise<void>((resolve) => (reached = resolve))
    const leaving = agent.post('/logout', {}, { followRefresh: false })
    await there
    await agent.get('/staff')
    go()
    expect((await leaving).status).toBe(200)
    expect(listEvents(app, 'logout')).toHaveLength(1)
    expect((await agent.get('/profile', { redirect: 'manual' })).status).toBe(302)
    expect((await agent.get('/staff')).hops).toHaveLength(1)
  })

  it('a logout answers 503 and keeps the login if its record keeps changing', async () => {
    const real = redisRecords({ client: world.redis.client })
    let jammed = false
    const records: OidcRecords = {
      ...real,
      replace: async (...all) => (jammed ? false : real.replace(...all)),
    }
    const app = await startTwo(records)
    const agent = app.agent()
    await agent.get('/profile')
    jammed = true
    const page = await agent.post('/logout')
    expect(page.status).toBe(503)
    expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0)
    jammed = false
    expect((await agent.get('/profile')).hops).toHaveLength(1)
  })

  it('a logout does not modify a record that a newer version wrote', async () => {
    const app = await startTwo()
    const agent = app.agent()
    await agent.get('/profile')
    const { id } = await listNotes(agent, app)
    const text = JSON.stringify({ format: 99, version: 1, entries: {} })
    await world.redis.client.set(getLoginKey(id), text)
    expect((await agent.get('/profile', { redirect: 'manual' })).status).toBe(302)
    expect((await agent.post('/logout')).status).toBe(200)
    expect(await world.redis.client.get(getLoginKey(id))).toBe(text)
  })

  it('a logout succeeds and emits store_fault if the session cannot be deleted', async () => {
    const store = world.store()
    const app = await world.start({ session: { store }, routes: noteRoutes })
    const agent = app.agent()
    await agent.get('/profile')
    const destroy = vi.spyOn(store, 'destroy').mockImplementation((_sid, callback) => {
      callback?.(new Error('the connection is gone'))
      return Promise.resolve()
    })
    const page = await agent.post('/logout', {}, { followRefresh: false })
    destroy.mockRestore()
    expect(page.status).toBe(200)
    expect(listEvents(app, 'logout')).toHaveLength(1)
    expect(listEvents(app, 'store_fault')).toHaveLength(1)
    expect(await listNotes(agent, app)).toMatchObject({ sub: null })
  })

  it('a logout succeeds if the tokens are gone', async () => {
    const app = await startTwo()
    const agent = app.agent()
    await agent.get('/profile')
    const { id } = await listNotes(agent, app)
    expect(await world.redis.client.del(formatRedisKey({ session: id, part: 'tokens:default' }, 'sess:'))).toBe(1)
    expect((await agent.post('/logout')).status).toBe(200)
    expect(await listNotes(agent, app)).toMatchObject({ sub: null })
  })

  it('a logout succeeds without an ID token hint if the tokens cannot be opened', async () => {
    const app = await startTwo()
    const agent = app.agent()
    await agent.get('/profile')
    const { id } = await listNotes(agent, app)
    await world.redis.client.set(formatRedisKey({ session: id, part: 'tokens:default' }, 'sess:'), 'garbage')
    const page = await agent.post('/logout')
    expect(page.status).toBe(200)
    const [end] = world.provider.requestsTo('end_session')
    expect(end?.params.has('id_token_hint')).toBe(false)
    expect(await listNotes(agent, app)).toMatchObject({ sub: null })
  })
})
