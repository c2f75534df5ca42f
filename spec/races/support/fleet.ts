/** Several processes of one application on the specs' Redis, and browsers whose requests go to any of them. */
import { createUserAgent, startTestProvider, type TestProvider, type UserAgent } from 'express-session-oidc/testing'
import { afterAll, beforeAll, expect, inject } from 'vitest'
import { readLocation } from '../../support/flow.ts'
import type { Who } from '../../support/two-instances.ts'
import { secureOrigin } from './app.ts'
import { compiledPath, startProcess, type RaceProcess } from './processes.ts'

export interface Fleet {
  readonly providers: Record<'default' | 'partner', TestProvider>
  readonly processes: readonly RaceProcess[]
  /** A browser whose requests go to random processes, or to one. */
  readonly browser: (chance: (below: number) => number, only?: number) => UserAgent
}

/** Starts the processes for all specs of a file; call it at the top of the file. The processes must print nothing. */
export function fleetOfFile(count: number, people: readonly string[]): Fleet {
  let providers: Fleet['providers'] | undefined
  let processes: RaceProcess[] = []
  beforeAll(async () => {
    const users = people.map((sub) => ({ sub }))
    const signIn = people[0] as string
    providers = {
      default: await startTestProvider({ users, signIn }),
      // A different host, since two providers on one host would share their cookies.
      partner: await startTestProvider({ users, signIn, hostname: 'localhost' }),
    }
    const settings = { default: providers.default.settings(), partner: providers.partner.settings() }
    const env = { REDIS_URL: inject('redisUrl'), PROVIDERS: JSON.stringify(settings) }
    const path = compiledPath('spec/races/support/process.ts')
    processes = await Promise.all(Array.from({ length: count }, () => startProcess(path, env)))
  }, 180_000)
  afterAll(async () => {
    const said = await Promise.all(processes.map((each) => each.stop()))
    await Promise.all(Object.values(providers ?? {}).map((provider) => provider.stop()))
    expect(said, 'what the processes printed').toEqual(said.map(() => ''))
  })
  return {
    get providers() {
      return providers as Fleet['providers']
    },
    get processes() {
      return processes
    },
    browser(chance, only) {
      const proxies = {
        get [secureOrigin]() {
          return (processes[only ?? chance(count)] as RaceProcess).url
        },
      }
      return createUserAgent({ baseUrl: secureOrigin, proxies })
    },
  }
}

export async function whoIs(agent: UserAgent): Promise<Who> {
  const answer = await agent.fetch('/who')
  expect(answer.status).toBe(200)
  return answer.json() as unknown as Who
}

/** The authorization response of a login in progress, not delivered yet. */
export async function begun(agent: UserAgent, path: string): Promise<string> {
  const authorization = readLocation(await agent.get(path, { redirect: 'manual' }))
  return readLocation(await agent.get(authorization, { redirect: 'manual' }))
}
