/** One expired access token, requested in several processes at once from a provider with refresh token rotation. */
import { createUserAgent, startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../support/app.ts'
import { faultRedis } from '../support/fault-redis.ts'
import { tokenAt } from '../support/tokens-app.ts'
import { compiledPath, startProcess, type RaceProcess } from './support/processes.ts'

const count = 4
const callers = 500
/** Seconds. The callers also delay the response of the provider, because they occupy the processors. */
const patient = '60'
const redis = await faultRedis('one refresh in several processes')

describe.skipIf(!redis)(`an expired access token in ${count} processes`, () => {
  const store = redis as NonNullable<typeof redis>
  let provider: TestProvider
  let path: string
  let processes: RaceProcess[] = []
  /** Started by one test only. */
  const others: RaceProcess[] = []

  const start = (providerTimeoutSeconds: string): Promise<RaceProcess> =>
    startProcess(path, {
      REDIS_URL: store.url,
      PROVIDER: JSON.stringify(provider.settings()),
      PROVIDER_TIMEOUT_SECONDS: providerTimeoutSeconds,
    })

  beforeAll(async () => {
    provider = await startTestProvider({ refreshTokens: 'rotating', signIn: 'alice' })
    path = compiledPath('spec/races/support/tokens-process.ts')
    processes = await Promise.all(Array.from({ length: count }, () => start(patient)))
  }, 180_000)

  afterEach(() => provider.behave())

  afterAll(async () => {
    const said = await Promise.all([...processes, ...others].map((each) => each.stop()))
    await provider.stop()
    expect(said, 'what the processes printed').toEqual(said.map(() => ''))
  })

  /** A browser of a process, logged in with an access token that has expired. */
  async function loggedIn({ url }: RaceProcess): Promise<UserAgent> {
    const agent = createUserAgent({ baseUrl: url })
    const undo = provider.misbehave({ tokenResponse: { expires_in: 1 } })
    await agent.get('/profile')
    undo()
    const endsAt = Date.now() + 1000
    await until(() => Date.now() > endsAt, 'the access token has expired')
    provider.forget()
    return agent
  }

  it(
    `an expired access token costs one refresh for ${count} x ${callers} callers, who all get the same token`,
    { meta: { id: 'refresh-processes-1' }, timeout: 180_000 },
    async () => {
      const agent = await loggedIn(processes[0] as RaceProcess)
      const requested = Array.from({ length: callers }, () => processes.map((each) => tokenAt(each.url, agent))).flat()
      const answers = await Promise.all(requested)
      expect(answers).toHaveLength(count * callers)
      expect(answers.filter(({ status }) => status !== 200)).toEqual([])
      expect(new Set(answers.map(({ shown }) => shown.token)).size).toBe(1)
      expect(provider.requestsTo('token').map(({ params }) => params.get('grant_type'))).toEqual(['refresh_token'])
    },
  )

  it(
    'a process that dies during its refresh costs a wait but no login',
    { meta: { id: 'refresh-processes-2' }, timeout: 180_000 },
    async () => {
      // Short, because the second process waits a little longer than a request to the provider may take.
      const [first, second] = await Promise.all([start('2'), start('2')])
      others.push(first, second)
      const agent = await loggedIn(first)
      const undo = provider.misbehave({ endpoints: { token: { hang: true, status: 503 } } })
      const lost = tokenAt(first.url, agent).catch(() => 'cut')
      await provider.waitForRequest('token')
      await first.kill()
      undo()
      expect(await lost).toBe('cut')
      expect(await tokenAt(second.url, agent)).toMatchObject({ status: 200, shown: { isAuthenticated: true } })
      await first.start()
      expect(provider.requestsTo('token')).toHaveLength(2)
    },
  )
})
