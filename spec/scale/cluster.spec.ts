/** Everything that the package stores, in a Redis Cluster of three masters. */
import { createCluster } from 'redis'
import { RedisSessionStore, redisRecords, type OidcRedisClient } from 'express-session-oidc/redis'
import type { Express } from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeRecords } from '../support/records-contract.ts'
import { flow, noteRoutes, listNotes, listEvents } from '../support/flow.ts'
import { deliver } from '../support/logout-token.ts'
import { partnerOfFile, whoIs } from '../support/two-instances.ts'
import { tokenRoutes } from '../support/token-routes.ts'
import { pass, shownToken } from '../support/tokens-app.ts'
import { startCluster, type Cluster } from './support/cluster.ts'
import { lacksServers } from './support/servers.ts'

const world = flow({ refreshTokens: 'rotating', accessTokenSeconds: 300 })
const partner = partnerOfFile()

let cluster: Cluster
let client: ReturnType<typeof makeClient>
const makeClient = ({ nodes }: Cluster) => createCluster({ rootNodes: [...nodes] })

beforeAll(async () => {
  cluster = await startCluster()
  client = makeClient(cluster)
  await client.connect()
})
afterAll(async () => {
  client.destroy()
  await cluster.stop()
})

const redis = (): OidcRedisClient => client

/** Number of keys on each master. */
async function sizes(): Promise<number[]> {
  return Promise.all(cluster.masters.map(async (master) => Number(await master.command('DBSIZE'))))
}

async function start() {
  const store = new RedisSessionStore({ client: redis(), idleSeconds: 600 })
  const app = await world.start({
    session: { store },
    options: { sessionStore: store },
    routes(express: Express, oidc, url) {
      noteRoutes(express)
      tokenRoutes(express)
      partner.routes(express, oidc, url)
    },
  })
  return { app, agent: app.agent() }
}

describe.skipIf(lacksServers('Redis Cluster'))('in a Redis Cluster', () => {
  describeRecords(() => redisRecords({ client: redis() }))

  it('users log in with two instances side by side, get tokens and log out on a Redis Cluster', async () => {
    const { app, agent } = await start()
    await agent.get('/profile')
    await agent.get('/partner-profile')
    await agent.get('/cart/apples')
    expect(await whoIs(agent, app)).toEqual({ default: 'alice', partner: 'bob', cart: 'apples' })
    const before = (await shownToken(agent, app.url)).token
    pass(301)
    expect((await shownToken(agent, app.url)).token).not.toBe(before)
    await agent.post('/logout', {}, { followRefresh: false })
    expect(await whoIs(agent, app)).toEqual({ default: null, partner: 'bob', cart: 'apples' })
  })

  it('logins are spread over all masters, and a user is logged out on all of them', async () => {
    const { app } = await start()
    const agents = Array.from({ length: 30 }, () => app.agent())
    for (const agent of agents) await agent.get('/profile')
    for (const size of await sizes()) expect(size).toBeGreaterThan(10)
    expect((await app.oidc.logins.list({ sub: 'alice' })).length).toBeGreaterThanOrEqual(30)
    const token = await world.provider.logoutToken({ sub: 'alice' })
    const answer = await deliver(app.url + app.oidc.paths.backchannelLogout, { logout_token: token })
    expect(answer.status).toBe(200)
    for (const agent of agents) expect(await listNotes(agent, app)).toMatchObject({ sub: null })
    expect(listEvents(app, 'logout').length).toBeGreaterThanOrEqual(30)
    expect(await app.oidc.logins.list({ sub: 'alice' })).toEqual([])
  })
})
