/** Refreshes with refresh token rotation, while processes, the provider and Redis are killed at random. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { byDepth } from '../support/depth.ts'
import { faultRedis } from '../support/fault-redis.ts'
import { Calm } from './support/calm.ts'
import { chances } from './support/chances.ts'
import { ChaosLane } from './support/chaos.ts'
import { Crew } from './support/crew.ts'
import { Journal } from './support/journal.ts'
import { startOwnProvider, type OwnProvider } from './support/own-provider.ts'
import { compiledPath, startProcess, type RaceProcess } from './support/processes.ts'
import { seed } from './support/stage.ts'
import { shuffledTroubles, type Trouble } from './support/troubles.ts'

const count = 4
const rounds = byDepth({ quick: 10, normal: 40, deep: 2000 })
/** Number of users. Their logins run their rounds at the same time. */
const users = Math.min(rounds, 25)

const redis = await faultRedis('chaos around refreshes', ['appendfsync always'])

describe.skipIf(!redis)(`${rounds} rounds of failures on ${count} processes`, () => {
  const store = redis as NonNullable<typeof redis>
  let folder: string
  let notes: string
  let provider: OwnProvider
  let processes: RaceProcess[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chaos-'))
    notes = join(folder, 'notes')
    await writeFile(notes, '')
    provider = await startOwnProvider(compiledPath('spec/races/support/chaos-provider.ts'), users)
    const path = compiledPath('spec/races/support/chaos-process.ts')
    const env = { REDIS_URL: store.url, PROVIDER: JSON.stringify(provider.settings), NOTES: notes }
    processes = await Promise.all(Array.from({ length: count }, () => startProcess(path, env)))
  }, 180_000)

  afterAll(async () => {
    const said = await Promise.all(processes.map((each) => each.stop()))
    expect(said, 'what the processes printed').toEqual(said.map(() => ''))
    expect(await provider.end(), 'what the provider printed').toBe('')
    await rm(folder, { recursive: true, force: true })
  })

  it(
    'processes lose a login only if the response to its refresh was lost; all else is a temporary 503',
    async () => {
      const crew = new Crew(processes)
      const journal = new Journal(notes, crew.killed)
      const counts = { waiting: 0, holding: 0, provider: 0, redis: 0 }
      const world = { provider, redis: store, crew, calm: new Calm(), counts }
      const lanes = Array.from(
        { length: users },
        (_, index) => new ChaosLane({ ...world, chance: chances(seed + 1 + index) }, journal, `user${index}`),
      )
      await Promise.all(lanes.map((lane) => lane.logIn()))
      const troubles = shuffledTroubles(rounds, chances(seed))
      let played = 0
      await Promise.all(
        lanes.map(async (lane, index) => {
          for (let number = index; number < rounds && lane.wrong.length === 0; number += users) {
            await lane.round(number, troubles[number] as Trouble)
            played++
          }
        }),
      )
      await crew.isWhole()
      await Promise.all(lanes.map((lane) => lane.heals()))

      const noted = await Promise.all(lanes.map((lane) => lane.notes()))
      const sum = (numbers: number[]): number => numbers.reduce((all, one) => all + one, 0)
      const lost = sum(lanes.map((lane) => lane.lost))
      const unheard = sum(noted.map((of) => journal.lost(of).length))
      console.log(
        `rounds ${played}, kills ${counts.waiting + counts.holding} (${counts.waiting} of waiting processes, ` +
          `${counts.holding} of refreshing ones), restarts of the provider ${counts.provider}, of Redis ${counts.redis}; ` +
          `refreshes ${sum(noted.map((of) => of.length))}, lost responses ${unheard}, lost logins ${lost} (seed ${seed})`,
      )
      expect(
        lanes.flatMap(({ wrong }) => wrong),
        `seed ${seed}`,
      ).toEqual([])
      expect(
        noted.flatMap((of) => journal.sentAgain(of)),
        `refresh tokens that were reused, seed ${seed}`,
      ).toEqual([])
      expect(played).toBe(rounds)
    },
    20_000 + rounds * 5000,
  )
})
