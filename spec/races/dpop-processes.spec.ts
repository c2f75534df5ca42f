/** One DPoP proof that several clients send to several processes at the same time (RFC 9449 11.1). */
import { startTestProvider, type TestProvider } from 'express-session-oidc/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dpopClient, type DpopClient } from '../support/dpop.ts'
import { faultRedis } from '../support/fault-redis.ts'
import { compiledPath, startProcess, type RaceProcess } from './support/processes.ts'

const count = 8
const url = 'https://api.example.com/orders'
const redis = await faultRedis('one DPoP proof to several processes')

describe.skipIf(!redis)(`one DPoP proof sent to ${count} processes at once`, () => {
  const store = redis as NonNullable<typeof redis>
  let provider: TestProvider
  let processes: RaceProcess[] = []
  let client: DpopClient
  let token: string

  beforeAll(async () => {
    provider = await startTestProvider()
    client = await dpopClient()
    const iat = Math.floor(Date.now() / 1000)
    const claims = { iss: provider.issuer, aud: 'orders', sub: 'alice', iat, exp: iat + 300 }
    token = await provider.sign({ ...claims, cnf: { jkt: client.thumbprint } })
    const path = compiledPath('spec/races/support/api-process.ts')
    const env = { REDIS_URL: store.url, ISSUER: provider.issuer, BASE_URL: new URL(url).origin }
    processes = await Promise.all(Array.from({ length: count }, () => startProcess(path, env)))
  }, 180_000)

  afterAll(async () => {
    const said = await Promise.all(processes.map((each) => each.stop()))
    await provider.stop()
    expect(said, 'what the processes printed').toEqual(said.map(() => ''))
  })

  interface Answer {
    readonly status: number
    readonly body: Record<string, unknown>
  }

  async function ask(of: RaceProcess, proof: string): Promise<Answer> {
    const headers = { authorization: `DPoP ${token}`, dpop: proof }
    const response = await fetch(`${of.url}/orders`, { headers })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  async function askAll(): Promise<Answer[]> {
    const proof = await client.proof({ url, token })
    return Promise.all(processes.map((each) => ask(each, proof)))
  }

  it(
    'accepts a DPoP proof in exactly one of several processes, whichever is first',
    { meta: { id: 'dpop-processes-1' } },
    async () => {
      const winners = new Set<unknown>()
      for (let round = 0; round < 20; round++) {
        const answers = await askAll()
        const taken = answers.filter(({ status }) => status === 200)
        expect(taken).toHaveLength(1)
        winners.add(taken[0]?.body['process'])
        const refused = answers.filter(({ status }) => status !== 200)
        for (const answer of refused) {
          expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_dpop_proof' } })
        }
      }
      // Chance decides which process is first. More than one winner shows that the processes really were asked concurrently.
      expect(winners.size).toBeGreaterThan(1)
    },
  )

  it(
    'rejects a DPoP proof in all processes while Redis is down, and then accepts the next one once',
    { meta: { id: 'dpop-processes-2' }, timeout: 180_000 },
    async () => {
      const before = await client.proof({ url, token })
      expect(await ask(processes[0] as RaceProcess, before)).toMatchObject({ status: 200 })
      await store.kill()
      for (const answer of await askAll()) {
        expect(answer).toMatchObject({ status: 503, body: { code: 'store_unavailable' } })
      }
      await store.restart()
      for (const each of processes) {
        const isBack = async (): Promise<number> => (await ask(each, await client.proof({ url, token }))).status
        await expect.poll(isBack, { timeout: 15_000, interval: 50 }).toBe(200)
      }
      const statuses = (await askAll()).map(({ status }) => status)
      expect(statuses.toSorted((a, b) => a - b)).toEqual([200, ...Array<number>(count - 1).fill(401)])
      // Redis kept the proof that was used before it was killed.
      for (const each of processes) expect(await ask(each, before)).toMatchObject({ status: 401 })
    },
  )
})
