/** What may happen to a refresh in a round of the chaos. */
import { setTimeout as pause } from 'node:timers/promises'
import type { TestEndpointFault } from 'express-session-oidc/testing'
import type { FaultRedis } from '../../support/fault-redis.ts'
import type { Calm } from './calm.ts'
import type { Crew } from './crew.ts'
import type { Armed, OwnProvider, RefreshNote } from './own-provider.ts'

/** Everything that a failure may affect. */
export interface ChaosWorld {
  readonly provider: OwnProvider
  readonly redis: FaultRedis
  readonly crew: Crew
  /** Runs the failures of all users one at a time. */
  readonly calm: Calm
  /** How often each kind was killed or restarted. */
  readonly counts: Record<'waiting' | 'holding' | 'provider' | 'redis', number>
  readonly chance: (below: number) => number
}

/** A refresh in progress that has met the armed fault. */
export interface Met {
  readonly note: RefreshNote
  readonly armed: Armed
  readonly session: string
}

export interface Trouble {
  readonly what: string
  /** The fault that the refresh meets at the provider. */
  readonly fault?: TestEndpointFault
  /** Whether callers go to one process only, so that no process waits for another. */
  readonly asksOne?: true
  /** What happens once the provider has the request. */
  readonly strikes: (world: ChaosWorld, met: Met) => Promise<unknown>
}

/** The refresh token is consumed, and the response hangs. */
const held: TestEndpointFault = { hang: true, afterProcessing: true }
/** The request hangs and is never processed. */
const unheard: TestEndpointFault = { hang: true, drop: true }

async function kill(world: ChaosWorld, { note }: Met, whom: 'holding' | 'waiting'): Promise<void> {
  const { crew, calm, counts, chance } = world
  const pid = Number(note.id.split('-')[0])
  const isKilled = await calm.alone(() => crew.kill(pid, whom === 'holding' ? 'that' : 'another', chance))
  if (isKilled) counts[whom]++
}

async function restartProvider({ provider, calm, counts, chance }: ChaosWorld): Promise<void> {
  await calm.alone(async () => {
    await provider.stop()
    await pause(chance(200))
    await provider.start()
  })
  counts.provider++
}

async function restartRedis({ redis, calm, counts, chance }: ChaosWorld, meanwhile = async () => {}): Promise<void> {
  await calm.alone(async () => {
    await redis.kill()
    await meanwhile()
    await pause(chance(200))
    await redis.restart()
  })
  counts.redis++
}

/** Deletes the refresh lock, as when Redis evicts keys because memory is full. */
async function dropLock({ redis, calm }: ChaosWorld, session: string): Promise<void> {
  await calm.together(async () => {
    const record = String(await redis.command('GET', `oidc:{sess:${session}}`))
    const { entries } = JSON.parse(record) as { entries: { default?: { loginId: string } } }
    await redis.command('DEL', `oidc:refresh:${entries.default?.loginId}`)
  })
}

const troubles: readonly Trouble[] = [
  { what: 'nothing', strikes: async () => {} },
  { what: 'a slow response', fault: held, strikes: async () => {} },
  { what: 'a waiting process is killed', fault: held, strikes: (world, met) => kill(world, met, 'waiting') },
  {
    what: 'the lock owner is killed before the provider processes the request',
    fault: unheard,
    strikes: (world, met) => kill(world, met, 'holding'),
  },
  {
    what: 'the lock owner is killed after the provider has processed the request',
    fault: held,
    strikes: (world, met) => kill(world, met, 'holding'),
  },
  { what: 'the request is cut', fault: { drop: true }, strikes: async () => {} },
  { what: 'the response is cut', fault: { drop: true, afterProcessing: true }, strikes: async () => {} },
  { what: 'a request hangs for too long', fault: unheard, strikes: (_, { armed }) => armed.closed },
  { what: 'a response hangs for too long', fault: held, strikes: (_, { armed }) => armed.closed },
  { what: 'the provider goes down', strikes: restartProvider },
  { what: 'the provider goes down with the request', fault: unheard, strikes: restartProvider },
  { what: 'the provider goes down with the response', fault: held, strikes: restartProvider },
  { what: 'Redis is killed', strikes: (world) => restartRedis(world) },
  {
    what: 'Redis is killed before the response',
    fault: held,
    strikes: (world, { armed }) => restartRedis(world, () => armed.release()),
  },
  { what: 'the lock is lost', fault: held, asksOne: true, strikes: (world, { session }) => dropLock(world, session) },
]

/** Returns `count` troubles in random order, each about as often as the others. */
export function shuffledTroubles(count: number, chance: (below: number) => number): Trouble[] {
  const all = Array.from({ length: count }, (_, index) => troubles[index % troubles.length] as Trouble)
  const from = all.map((trouble) => ({ trouble, at: chance(2 ** 31) }))
  return from.toSorted((one, other) => one.at - other.at).map(({ trouble }) => trouble)
}
