/** Redis with Sentinel: the master fails, and a moment later its replica takes over. */
import { createSentinel } from 'redis'
import { RedisSessionStore } from 'express-session-oidc/redis'
import type { UserAgent } from 'express-session-oidc/testing'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { flow, noteRoutes, listNotes } from '../support/flow.ts'
import { masterName, startSentinels, type Sentinels } from './support/sentinels.ts'
import { lacksServers } from './support/servers.ts'

const world = flow({ refreshTokens: 'rotating' })
let sentinels: Sentinels
let client: ReturnType<typeof makeClient>
const makeClient = ({ rootNodes }: Sentinels) =>
  createSentinel({ name: masterName, sentinelRootNodes: [...rootNodes], scanInterval: 200 })

beforeAll(async () => {
  sentinels = await startSentinels()
  client = makeClient(sentinels)
  client.on('error', () => {})
  await client.connect()
})
afterAll(async () => {
  await client.destroy()
  await sentinels.stop()
})

it.skipIf(lacksServers('Redis Sentinel'))(
  'a failover keeps the replicated logins, loses the others, and answers 503 in between',
  async () => {
    const store = new RedisSessionStore({
      client: client,
      idleSeconds: 600,
      timeoutSeconds: 2,
    })
    const app = await world.start({ session: { store }, options: { sessionStore: store }, routes: noteRoutes })
    const loggedIn = async (): Promise<UserAgent> => {
      const agent = app.agent()
      expect((await agent.get('/profile')).status).toBe(200)
      return agent
    }
    const kept: UserAgent[] = []
    for (let n = 0; n < 20; n++) kept.push(await loggedIn())
    expect(Number(await sentinels.master.command('WAIT', '1', '5000'))).toBe(1)

    // From here on only the master has what is written.
    sentinels.replica.pause()
    await sentinels.master.command('CLIENT', 'KILL', 'TYPE', 'replica')
    const lost: UserAgent[] = []
    for (let n = 0; n < 3; n++) lost.push(await loggedIn())
    await sentinels.master.kill()
    sentinels.replica.resume()

    const [first] = kept as [UserAgent]
    const between = await first.fetch(`${app.url}/profile`)
    expect(between.status).toBe(503)
    expect(Number(between.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(between.headers.get('set-cookie')).toBeNull()

    await sentinels.failedOver()
    await vi.waitFor(async () => expect((await first.fetch(`${app.url}/profile`)).status).toBe(200), {
      timeout: 20_000,
      interval: 200,
    })
    for (const agent of kept) expect(await listNotes(agent, app)).toMatchObject({ sub: 'alice' })
    let count = 0
    for (const agent of lost) if ((await listNotes(agent, app)).sub === null) count++
    console.log(
      `a failover: ${kept.length} replicated logins, 0 lost; ${lost.length} unreplicated logins, ${count} lost`,
    )
    expect(count).toBe(lost.length)
    // A user whose login was lost logs in again, and everything works.
    expect((await (lost[0] as UserAgent).get('/profile')).status).toBe(200)
    expect(await app.oidc.logins.end({ sub: 'alice' })).toBeGreaterThanOrEqual(kept.length)
    for (const agent of kept) expect(await listNotes(agent, app)).toMatchObject({ sub: null })
  },
  120_000,
)
