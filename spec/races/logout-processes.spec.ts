/** Logouts that the provider tells, to eight processes at once on a real Redis, while everything else goes on. */
import { createUserAgent, startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { location } from '../support/flow.ts'
import { deliver } from '../support/logout-token.ts'
import { noUnhandledRejections } from '../support/rejections.ts'
import type { Who } from '../support/two-instances.ts'
import { origin } from './support/app.ts'
import { chances } from './support/chances.ts'
import { build, startProcess, type Build, type RaceProcess } from './support/processes.ts'
import { seed } from './support/stage.ts'

noUnhandledRejections()

const count = 8
const rounds = 10
const people = ['alice', 'bob', 'carol']

let built: Build
let providers: Record<'default' | 'partner', TestProvider>
let processes: RaceProcess[]

beforeAll(async () => {
  const users = people.map((sub) => ({ sub }))
  providers = {
    default: await startTestProvider({ users, signIn: 'alice' }),
    // Another host than the first one's, since the two would share their cookies.
    partner: await startTestProvider({ users, signIn: 'alice', hostname: 'localhost' }),
  }
  built = await build()
  const settings = { default: providers.default.settings(), partner: providers.partner.settings() }
  const env = { REDIS_URL: inject('redisUrl'), PROVIDERS: JSON.stringify(settings) }
  const path = built.pathOf('spec/races/support/process.ts')
  processes = await Promise.all(Array.from({ length: count }, () => startProcess(path, env)))
}, 120_000)

afterAll(async () => {
  const said = await Promise.all((processes ?? []).map((each) => each.stop()))
  await Promise.all(Object.values(providers ?? {}).map((provider) => provider.stop()))
  await built?.remove()
  expect(said, 'what the processes printed').toEqual(said.map(() => ''))
})

/** A browser whose requests go to processes by chance. */
function browser(chance: (below: number) => number): UserAgent {
  const proxies = {
    get [origin]() {
      return (processes[chance(count)] as RaceProcess).url
    },
  }
  return createUserAgent({ baseUrl: origin, proxies })
}

async function who(agent: UserAgent): Promise<Who> {
  const answer = await agent.fetch('/who')
  expect(answer.status).toBe(200)
  return answer.json() as unknown as Who
}

async function logIn(agent: UserAgent, sub: string): Promise<void> {
  expect((await agent.get(`/as/default/${sub}`)).status).toBe(200)
  expect(await who(agent)).toMatchObject({ default: sub })
}

/** The response of a login, which is not delivered yet. */
async function begun(agent: UserAgent, sub: string): Promise<string> {
  const authorization = location(await agent.get(`/as/default/${sub}`, { redirect: 'manual' }))
  return location(await agent.get(authorization, { redirect: 'manual' }))
}

it('end every login of the user and nobody else\u2019s; who logs in again stays in', async () => {
  const chance = chances(seed)
  const counts = { logins: 0, underWay: 0, anew: 0 }
  for (let round = 0; round < rounds; round++) {
    const [sub, other] = [people[round % 3] as string, people[(round + 1) % 3] as string]
    const theirs = [browser(chance), browser(chance), browser(chance)]
    const others = browser(chance)
    for (const agent of theirs) await logIn(agent, sub)
    await logIn(others, other)
    const underWay = [browser(chance), theirs[0] as UserAgent]
    const responses = await Promise.all(underWay.map((agent) => begun(agent, sub)))

    const token = await providers.default.logoutToken({ sub })
    const deliveries = processes.map(({ url }) => deliver(`${url}/backchannel-logout`, { logout_token: token }))
    const meanwhile = theirs.flatMap((agent) =>
      ['/put/x', '/save/y', '/guarded/default'].map((path) => agent.fetch(path)),
    )
    const finishing = underWay.map((agent, index) => agent.get(responses[index] as string, { redirect: 'manual' }))
    const statuses = (await Promise.all(deliveries)).map(({ status }) => status)
    await Promise.all(meanwhile)
    const finished = await Promise.all(finishing)

    // Those that came after the first has marked the token find it used.
    expect(statuses).toContain(200)
    expect(statuses.filter((status) => status !== 200 && status !== 400)).toEqual([])
    for (const agent of theirs) expect(await who(agent)).toMatchObject({ default: null })
    expect(await who(others)).toMatchObject({ default: other })
    for (const [index, answer] of finished.entries()) {
      counts.underWay++
      const to = location(answer)
      const agent = underWay[index] as UserAgent
      // It came before the logout and was ended by it, or after it, and begins anew.
      if (new URL(to).pathname === '/who') {
        expect(await who(agent)).toMatchObject({ default: null })
        continue
      }
      counts.anew++
      expect((await agent.get(to)).status).toBe(200)
      expect(await who(agent)).toMatchObject({ default: sub })
    }
    counts.logins += theirs.length
    // Straight after it, in the same second.
    const back = browser(chance)
    await logIn(back, sub)
    expect(await who(back)).toMatchObject({ default: sub })
  }
  console.log(
    `${rounds} logouts told to ${count} processes at once: ${counts.logins} logins ended, ` +
      `of ${counts.underWay} under way ${counts.anew} began anew (seed ${seed})`,
  )
}, 180_000)
