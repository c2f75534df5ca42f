import { createUserAgent } from 'express-session-oidc/testing'
import type { ShownToken } from '../../support/token-routes.ts'
import type { RaceProcess } from './processes.ts'

/** What a process answers who asks for the access token of a login; `cut`: it was killed meanwhile, or before. */
export type Reply =
  { readonly status: number; readonly shown: Partial<ShownToken> & { readonly code?: string } } | 'cut'

/** One of the processes, dead or alive. */
class Member {
  readonly process: RaceProcess
  isUp = true
  deaths = 0

  constructor(process: RaceProcess) {
    this.process = process
  }
}

/** The processes of an application, of which now and then one is killed and starts again. */
export class Crew {
  readonly #members: readonly Member[]
  /** Ids of those that were killed. */
  readonly killed = new Set<number>()
  #rising: Promise<unknown> = Promise.resolve()

  constructor(processes: readonly RaceProcess[]) {
    this.#members = processes.map((process) => new Member(process))
  }

  /** Kills the one of an id, or by chance another than that, and lets it start again; says whether there was one. */
  async kill(pid: number, whom: 'that' | 'another', chance: (below: number) => number): Promise<boolean> {
    const members = this.#up.filter(({ process }) => (process.pid === pid) === (whom === 'that'))
    const member = members[chance(Math.max(1, members.length))]
    if (!member) return false
    member.isUp = false
    member.deaths++
    this.killed.add(member.process.pid)
    await member.process.kill()
    this.#rising = Promise.all([this.#rising, this.#raise(member)])
    return true
  }

  /** Waits until all are up again. */
  async isWhole(): Promise<void> {
    await this.#rising
  }

  /** An address of one of them that is up. */
  url(chance: (below: number) => number): string {
    return this.#one(chance)?.process.url ?? 'http://127.0.0.1:9'
  }

  /** Asks each that is up, so many times at once, with a session cookie for the access token. */
  ask(cookie: string, times = 1): Promise<Reply>[] {
    return this.#up.flatMap((member) => Array.from({ length: times }, () => ask(member, cookie)))
  }

  /** Asks one of them. */
  async askOne(cookie: string, chance: (below: number) => number): Promise<Reply> {
    const member = this.#one(chance)
    return member ? await ask(member, cookie) : 'cut'
  }

  /** Whether all that are up can serve, their connection to Redis included. */
  async canServe(cookie: string): Promise<boolean> {
    const replies = await Promise.all(this.#up.map((member) => ask(member, cookie)))
    return replies.length > 0 && replies.every((reply) => reply !== 'cut' && reply.status === 401)
  }

  get #up(): Member[] {
    return this.#members.filter(({ isUp }) => isUp)
  }

  #one(chance: (below: number) => number): Member | undefined {
    const members = this.#up
    return members[chance(Math.max(1, members.length))]
  }

  async #raise(member: Member): Promise<void> {
    await member.process.start()
    member.isUp = true
  }
}

async function ask(member: Member, cookie: string): Promise<Reply> {
  const { deaths, process } = member
  // With a connection of its own: one that was kept might be closed by the server just then.
  const agent = createUserAgent({ baseUrl: process.url })
  agent.jar.set(`connect.sid=${cookie}; Path=/; HttpOnly`, process.url)
  try {
    const answer = await agent.fetch('/token')
    return { status: answer.status, shown: answer.json() as Partial<ShownToken> }
  } catch (error) {
    return member.deaths === deaths ? { status: 0, shown: { code: String(error) } } : 'cut'
  }
}
