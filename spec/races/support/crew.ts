import { createUserAgent } from 'express-session-oidc/testing'
import type { ShownToken } from '../../support/token-routes.ts'
import type { RaceProcess } from './processes.ts'

/** A process's answer to a request for the access token of a login. `cut`: the process was killed before or meanwhile. */
export type Reply =
  { readonly status: number; readonly shown: Partial<ShownToken> & { readonly code?: string } } | 'cut'

/** One of the processes, running or killed. */
class Member {
  readonly process: RaceProcess
  isUp = true
  deaths = 0

  constructor(process: RaceProcess) {
    this.process = process
  }
}

/** The processes of an application, of which one is killed and started again from time to time. */
export class Crew {
  readonly #members: readonly Member[]
  /** Process ids of those that were killed. */
  readonly killed = new Set<number>()
  #rising: Promise<unknown> = Promise.resolve()

  constructor(processes: readonly RaceProcess[]) {
    this.#members = processes.map((process) => new Member(process))
  }

  /** Kills the process with this id, or a random other one, and starts it again. Returns whether there was one to kill. */
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

  /** Waits until all processes are up again. */
  async isWhole(): Promise<void> {
    await this.#rising
  }

  /** The URL of a process that is up. */
  url(chance: (below: number) => number): string {
    return this.#one(chance)?.process.url ?? 'http://127.0.0.1:9'
  }

  /** Requests the access token with a session cookie, `times` times concurrently from each process that is up. */
  ask(cookie: string, times = 1): Promise<Reply>[] {
    return this.#up.flatMap((member) => Array.from({ length: times }, () => ask(member, cookie)))
  }

  /** Requests the access token from one process. */
  async askOne(cookie: string, chance: (below: number) => number): Promise<Reply> {
    const member = this.#one(chance)
    return member ? await ask(member, cookie) : 'cut'
  }

  /** Whether all processes that are up can serve, including their connection to Redis. */
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
  // Opens a new connection: the server might close a kept one at this moment.
  const agent = createUserAgent({ baseUrl: process.url })
  agent.jar.set(`connect.sid=${cookie}; Path=/; HttpOnly`, process.url)
  try {
    const answer = await agent.fetch('/token')
    return { status: answer.status, shown: answer.json() }
  } catch (error) {
    return member.deaths === deaths ? { status: 0, shown: { code: String(error) } } : 'cut'
  }
}
