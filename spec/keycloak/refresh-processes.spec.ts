/** One access token of a real Keycloak that has ended, asked for in several processes at once. */
import { createUserAgent } from 'express-session-oidc/testing'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { compiledPath, startProcess, type RaceProcess } from '../races/support/processes.ts'
import { until } from '../support/app.ts'
import { tokenAt } from '../support/tokens-app.ts'
import { loginRealm } from './login-realm.ts'

const count = 4
const callers = 50
const rounds = 3

describe.each([
  ['whose refresh tokens are good once', { revokeRefreshToken: true, refreshTokenMaxReuse: 0 }],
  ['whose refresh tokens are good again and again', { revokeRefreshToken: false }],
])('a realm %s', (_name, settings) => {
  const realm = loginRealm('one refresh in several processes', settings)
  let processes: RaceProcess[] = []

  beforeAll(async () => {
    if (!realm.isThere) return
    const path = compiledPath('spec/races/support/tokens-process.ts')
    const env = {
      REDIS_URL: inject('redisUrl'),
      PROVIDER: JSON.stringify(realm.settings()),
      PROVIDER_TIMEOUT_SECONDS: '30',
    }
    processes = await Promise.all(Array.from({ length: count }, () => startProcess(path, env)))
  })

  afterAll(async () => {
    const said = await Promise.all(processes.map((each) => each.stop()))
    expect(said, 'what the processes printed').toEqual(said.map(() => ''))
  })

  it.skipIf(!realm.isThere)(
    `costs ${count} processes one refresh for ${count} x ${callers} callers, and the login goes on`,
    async () => {
      const [{ url }] = processes as [RaceProcess]
      for (let round = 0; round < rounds; round++) {
        const agent = createUserAgent({ baseUrl: url })
        await realm.logInAndOutlive(agent, 'bob')
        const asked = Array.from({ length: callers }, () => processes.map((each) => tokenAt(each.url, agent))).flat()
        const answers = await Promise.all(asked)
        expect(answers.filter(({ status }) => status !== 200)).toEqual([])
        const [first, ...others] = new Set(answers.map(({ shown }) => shown.token))
        expect(others).toEqual([])
        expect(await realm.refreshes()).toEqual(['REFRESH_TOKEN'])

        // It lasts for 600 s, so one is due as soon as another second of the clock has begun.
        const next = async (): Promise<string> => (await tokenAt(url, agent, '?minValidSeconds=599')).shown.token
        await until(async () => (await next()) !== first, 'the login is refreshed once more')
        expect(await realm.refreshes()).toEqual(['REFRESH_TOKEN'])
      }
    },
  )
})
