/** Back-channel logouts, delivered to eight processes at once on a real Redis while other requests run. */
import type { UserAgent } from 'express-session-oidc/testing'
import { expect, it } from 'vitest'
import { readLocation } from '../support/flow.ts'
import { deliver } from '../support/logout-token.ts'
import { chances } from './support/chances.ts'
import { begun, fleetOfFile, whoIs } from './support/fleet.ts'
import { seed } from './support/stage.ts'

const count = 8
const rounds = 10
const people = ['alice', 'bob', 'carol']
const fleet = fleetOfFile(count, people)

async function logIn(agent: UserAgent, sub: string): Promise<void> {
  expect((await agent.get(`/as/default/${sub}`)).status).toBe(200)
  expect(await whoIs(agent)).toMatchObject({ default: sub })
}

it(
  'a back-channel logout ends every login of its user and no other; a later login of that user stays',
  { meta: { id: 'logout-processes-1' }, timeout: 180_000 },
  async () => {
    const chance = chances(seed)
    const counts = { logins: 0, underWay: 0, anew: 0 }
    for (let round = 0; round < rounds; round++) {
      const [sub, other] = [people[round % 3] as string, people[(round + 1) % 3] as string]
      const theirs = [fleet.browser(chance), fleet.browser(chance), fleet.browser(chance)]
      const others = fleet.browser(chance)
      for (const agent of theirs) await logIn(agent, sub)
      await logIn(others, other)
      const underWay = [fleet.browser(chance), theirs[0] as UserAgent]
      const responses = await Promise.all(underWay.map((agent) => begun(agent, `/as/default/${sub}`)))

      const token = await fleet.providers.default.logoutToken({ sub })
      const deliveries = fleet.processes.map(({ url }) => deliver(`${url}/backchannel-logout`, { logout_token: token }))
      const meanwhile = theirs.flatMap((agent) =>
        ['/put/x', '/save/y', '/guarded/default'].map((path) => agent.fetch(path)),
      )
      const finishing = underWay.map((agent, index) => agent.get(responses[index] as string, { redirect: 'manual' }))
      const statuses = (await Promise.all(deliveries)).map(({ status }) => status)
      await Promise.all(meanwhile)
      const finished = await Promise.all(finishing)

      // Requests that arrive after the first one has marked the token find it used.
      expect(statuses).toContain(200)
      expect(statuses.filter((status) => status !== 200 && status !== 400)).toEqual([])
      for (const agent of theirs) expect(await whoIs(agent)).toMatchObject({ default: null })
      expect(await whoIs(others)).toMatchObject({ default: other })
      for (const [index, answer] of finished.entries()) {
        counts.underWay++
        const to = readLocation(answer)
        const agent = underWay[index] as UserAgent
        // Such a login finished before the logout and was ended by it, or finished after it and starts anew.
        if (new URL(to).pathname === '/who') {
          expect(await whoIs(agent)).toMatchObject({ default: null })
          continue
        }
        counts.anew++
        expect((await agent.get(to)).status).toBe(200)
        expect(await whoIs(agent)).toMatchObject({ default: sub })
      }
      counts.logins += theirs.length
      // Right after the logout, within the same second.
      const back = fleet.browser(chance)
      await logIn(back, sub)
      expect(await whoIs(back)).toMatchObject({ default: sub })
    }
    console.log(
      `${rounds} logouts delivered to ${count} processes at once: ${counts.logins} logins ended, ` +
        `of ${counts.underWay} logins in progress ${counts.anew} started anew (seed ${seed})`,
    )
  },
)
