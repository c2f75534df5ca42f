/** An expired access token of a real Keycloak, requested in several processes at once. */
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
  ['rotating', { revokeRefreshToken: true, refreshTokenMaxReuse: 0 }],
  ['reusable', { revokeRefreshToken: false }],
])('a realm with %s refresh tokens', (_name, settings) => {
  const realm = loginRealm('one refresh in several processes', settings)
  let processes: RaceProcess[] = []

  beforeAll(async () => {
    if (!realm.isThere) return
    const path = compiledPath('spec/races/support/tokens-process.ts')
    const { provider, ...client } = realm.settings()
    const env = {
      REDIS_URL: inject('redisUrl'),
      PROVIDER: JSON.stringify({ ...client, issuer: provider.issuer }),
      PROVIDER_TIMEOUT_SECONDS: '30',
    }
    processes = await Promise.all(Array.from({ length: count }, () => startProcess(path, env)))
  })

  afterAll(async () => {
    const said = await Promise.all(processes.map((each) => each.stop()))
    expect(said, 'what the processes printed').toEqual(said.map(() => ''))
  })

  it.skipIf(!realm.isThere)(
    `an expired access token costs ${count} processes one refresh for ${count} x ${callers} callers`,
    async () => {
      const [{ url }] = processes as [RaceProcess]
      for (let round = 0; round < rounds; round++) {
        const agent = createUserAgent({ baseUrl: url })
        await realm.logInAndOutlive(agent, 'bob')
        const requested = Array.from({ length: callers }, () =>
          processes.map((each) => tokenAt(each.url, agent)),
        ).flat()
        const answers = await Promise.all(requested)
        expect(answers.filter(({ status }) => status !== 200)).toEqual([])
        const [first, ...others] = new Set(answers.map(({ shown }) => shown.token))
        expect(others).toEqual([])
        expect(await realm.refreshes()).toEqual(['REFRESH_TOKEN'])

        // The token lasts for 600 s, or 599 if a second began while it was issued, so a refresh is due within three seconds.
        const next = async (): Promise<string> => (await tokenAt(url, agent, '?minValidSeconds=598')).shown.token
        await until(async () => (await next()) !== first, 'the login is refreshed again')
        expect(await realm.refreshes()).toEqual(['REFRESH_TOKEN'])
      }
    },
  )
})
