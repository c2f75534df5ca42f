import { setTimeout as pause } from 'node:timers/promises'
import type { UserAgent } from 'express-session-oidc/testing'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { getId, secureOrigin, sessionCookie } from './support/app.ts'
import { chances } from './support/chances.ts'
import { begun, fleetOfFile, whoIs } from './support/fleet.ts'
import type { RaceProcess } from './support/processes.ts'
import { seed } from './support/stage.ts'
import { forgetFinished } from '../support/identity.ts'
import { redisForFile } from '../support/redis.ts'
import type { Who } from '../support/two-instances.ts'

// A race of all processes may take long on a busy machine.
vi.setConfig({ testTimeout: 180_000 })

const count = 4
const redis = redisForFile()
const people = Array.from({ length: 6 }, (_, index) => `user${index}`)
const fleet = fleetOfFile(count, people)
beforeAll(() => console.log(`races of ${count} processes: seed ${seed}`))

/** A second browser with the same cookies, whose requests go to one process. */
function tab(of: UserAgent, only: number): UserAgent {
  const other = fleet.browser(() => 0, only)
  for (const { name, value } of of.jar.cookies(secureOrigin)) {
    other.jar.set(`${name}=${value}; Path=/; HttpOnly; Secure`, secureOrigin)
  }
  return other
}

const nobody = { default: null, partner: null, cart: null }

/** What each process shows for a browser's session. */
async function everywhere(agent: UserAgent): Promise<Who[]> {
  return Promise.all(fleet.processes.map((_, index) => whoIs(tab(agent, index))))
}

async function listKeys(id: string): Promise<string[]> {
  const found: string[] = []
  for await (const keys of redis.client.scanIterator({ MATCH: `*${id}*`, COUNT: 1000 })) found.push(...keys)
  return found.toSorted()
}

describe('one authorization response delivered to all processes at once', () => {
  it(
    'uses an authorization response once for concurrent deliveries, and redirects all to the same page',
    { meta: { id: 'processes-1' } },
    async () => {
      const chance = chances(seed)
      for (let round = 0; round < 6; round++) {
        const agent = fleet.browser(chance)
        const name = round % 2 ? 'partner' : 'default'
        const sub = people[round] as string
        // Some browsers already have a session, some do not.
        if (round > 2) await agent.get('/put/something')
        const callback = await begun(agent, `/as/${name}/${sub}`)
        const code = new URL(callback).searchParams.get('code')
        const tabs = Array.from({ length: 2 * count }, (_, index) => tab(agent, index % count))
        const answers = await Promise.all(tabs.map((each) => each.get(callback, { redirect: 'manual' })))
        expect(answers.map((answer) => [answer.status, answer.headers.get('location')])).toEqual(
          answers.map(() => [303, '/who']),
        )
        const exchanges = fleet.providers[name].requestsTo('token').filter(({ params }) => params.get('code') === code)
        expect(exchanges).toHaveLength(1)
        const winners = tabs.filter((_, index) =>
          answers[index]?.headers.getSetCookie().some((line) => line.startsWith(`${sessionCookie}=`)),
        )
        expect(winners).toHaveLength(1)
        const expected = { ...nobody, [name]: sub, cart: round > 2 ? 'something' : null }
        expect(await everywhere(winners[0] as UserAgent)).toEqual(fleet.processes.map(() => expected))
      }
    },
  )
})

describe('a logout in one process', () => {
  it(
    'a logout in one process is final in all of them, despite concurrent reads and writes',
    { meta: { id: 'processes-2' } },
    async () => {
      const chance = chances(seed + 1)
      for (let round = 0; round < 8; round++) {
        const agent = fleet.browser(chance)
        const sub = people[round % people.length] as string
        expect((await agent.get(`/as/default/${sub}`)).json()).toMatchObject({ default: sub })
        const isLinked = round % 2 === 1
        if (isLinked) await agent.get(`/as/partner/${sub}`)
        await agent.get('/put/before')
        const id = getId(agent.jar.get(sessionCookie)?.value ?? '')
        const old = tab(agent, chance(count))
        const paths = ['/put/late', '/save/late', '/guarded/default', '/own', '/who', `/slow/${chance(40)}/late`]
        const others = Array.from({ length: 3 * count }, (_, index) =>
          pause(chance(30)).then(() =>
            tab(agent, index % count).get(paths[chance(paths.length)] as string, { redirect: 'manual' }),
          ),
        )
        const out = pause(chance(30)).then(() => tab(agent, chance(count)).get('/logout', { redirect: 'manual' }))
        const statuses = (await Promise.all(others)).map(({ status }) => status)
        expect(statuses.filter((status) => status !== 200 && status !== 302)).toEqual([])
        expect((await out).status).toBe(303)
        for (const who of await everywhere(old)) {
          expect(who).toMatchObject({ default: null, partner: isLinked ? sub : null })
          if (!isLinked) expect(who.cart).toBeNull()
        }
        const left = (await listKeys(id)).map((key) => key.replace(id, ''))
        expect(left).toEqual(isLinked ? ['oidc:{sess:}', 'oidc:{sess:}:tokens:partner', 'sess:'] : [])
      }
    },
  )
})

describe('two users who alternate in the tabs of one browser', () => {
  it(
    'two users in the tabs of one browser never see each other\u2019s data',
    { meta: { id: 'processes-3' } },
    async () => {
      const chance = chances(seed + 2)
      const agent = fleet.browser(chance)
      const seen: { sub: string | null; cart: string | null }[] = []
      const own = async (): Promise<void> => {
        const answer = await agent.fetch('/own')
        if (answer.status === 200) seen.push(answer.json() as unknown as (typeof seen)[number])
      }
      const alternate = async (sub: string): Promise<void> => {
        for (let times = 0; times < 6; times++) {
          await pause(chance(20))
          const page = await agent.get(`/as/default/${sub}`)
          // 401: the other user has overtaken this login and its three restarts.
          expect([200, 400, 401]).toContain(page.status)
          await Promise.all([own(), own(), own()])
          forgetFinished(agent)
        }
      }
      await Promise.all([alternate('user0'), alternate('user1')])
      expect(seen.length).toBeGreaterThan(20)
      expect(new Set(seen.map(({ sub }) => sub)).size).toBeGreaterThan(1)
      for (const { sub, cart } of seen) expect([null, `of ${sub}`]).toContain(cart)
      expect((await agent.get('/as/default/user2')).json()).toMatchObject({ default: 'user2', cart: null })
    },
  )
})

describe('a process that is killed during callbacks and logouts', () => {
  it('a killed process leaves no half-finished login and no mixed-up session; everybody can log in again', async () => {
    const chance = chances(seed + 3)
    const browsers = people.map((sub) => ({ sub, agent: fleet.browser(chance), cookies: new Set<string>() }))
    const over = new AbortController()
    let requests = 0
    let cut = 0
    const live = async ({ sub, agent, cookies }: (typeof browsers)[number]): Promise<void> => {
      const paths = [`/as/default/${sub}`, `/as/partner/${sub}`, '/own', '/put/mine', '/logout', '/partner/logout']
      while (!over.signal.aborted) {
        requests++
        try {
          await agent.get(paths[chance(paths.length)] as string)
        } catch (error) {
          // The process that got the request was killed, or is not running.
          if (!/ECONN|socket hang up|aborted/.test(String(error))) throw error
          cut++
        }
        forgetFinished(agent)
        const cookie = agent.jar.get(sessionCookie)?.value
        if (cookie !== undefined) cookies.add(cookie)
      }
    }
    const living = browsers.map(live)
    for (let kills = 0; kills < 3; kills++) {
      await pause(150 + chance(250))
      const victim = fleet.processes[chance(count)] as RaceProcess
      await victim.kill()
      await victim.start()
    }
    over.abort()
    await Promise.all(living)
    console.log(`killed processes: ${requests} requests, of which ${cut} were cut off (seed ${seed})`)
    for (const { sub, agent, cookies } of browsers) {
      const mine = [null, sub]
      for (const cookie of cookies) {
        const thief = fleet.browser(chance)
        thief.jar.set(`${sessionCookie}=${cookie}; Path=/; HttpOnly; Secure`, secureOrigin)
        const who = await whoIs(thief)
        expect(mine).toContain(who.default)
        expect(mine).toContain(who.partner)
        expect([null, 'mine', `of ${sub}`]).toContain(who.cart)
      }
      expect((await agent.get(`/as/default/${sub}`)).json()).toMatchObject({ default: sub })
      expect((await agent.get(`/as/partner/${sub}`)).json()).toMatchObject({ default: sub, partner: sub })
      const old = tab(agent, 0)
      for (const path of ['/logout', '/partner/logout']) {
        expect((await agent.get(path, { redirect: 'manual' })).status).toBe(303)
      }
      expect(await everywhere(old)).toEqual(fleet.processes.map(() => nobody))
    }
    for (const provider of Object.values(fleet.providers)) {
      const codes = provider.requestsTo('token').map(({ params }) => params.get('code'))
      expect(new Set(codes).size, 'exchanged codes').toBe(codes.length)
    }
  })
})
