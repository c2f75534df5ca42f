import type { OidcRedisClient } from 'express-session-oidc/redis'
import { done, elsewhere, runningActor, turn } from './actors.ts'

/** A command that fails: either it was not executed (`refused`), or it was and its reply is lost. */
export interface CommandFault {
  readonly actor: number
  /** Which of the actor's commands, counted from 0. */
  readonly command: number
  readonly mode: 'refused' | 'lost'
}

/**
 * A client whose commands are steps of an actor. Each waits for its turn before it is sent, and again before its reply.
 * Commands that no actor sends go through at once.
 */
export class RaceClient implements OidcRedisClient {
  /** The command that is to fail. */
  fault: CommandFault | undefined
  /** The command that failed. */
  failed: string | undefined
  /** Prefix of every key, so that several runs can share a server. */
  prefix = ''
  readonly #backend: OidcRedisClient

  constructor(backend: OidcRedisClient) {
    this.#backend = backend
  }

  get: OidcRedisClient['get'] = (key) => this.#send('get', [key], ([name]) => this.#backend.get(name))
  mGet: OidcRedisClient['mGet'] = (keys) => this.#send('mGet', keys, (names) => this.#backend.mGet(names))
  set: OidcRedisClient['set'] = (key, value, options) =>
    this.#send(`set ${options?.condition ?? ''}`, [key], ([name]) => this.#backend.set(name, value, options))
  del: OidcRedisClient['del'] = (keys) => this.#send('del', keys, (names) => this.#backend.del(names))
  getDel: OidcRedisClient['getDel'] = (key) => this.#send('getDel', [key], ([name]) => this.#backend.getDel(name))
  expire: OidcRedisClient['expire'] = (key, seconds) =>
    this.#send('expire', [key], ([name]) => this.#backend.expire(name, seconds))
  eval: OidcRedisClient['eval'] = (script, { keys, arguments: given }) =>
    this.#send(given[2] === '0' ? 'compare and delete' : 'compare and set', keys, (names) =>
      this.#backend.eval(script, { keys: names, arguments: given }),
    )

  async #send<Answer>(
    method: string,
    keys: readonly string[],
    send: (names: [string, ...string[]]) => Promise<Answer>,
  ): Promise<Answer> {
    const names = keys.map((key) => this.prefix + key) as [string, ...string[]]
    const label = `${method} ${keys.join(' ')}`
    const actor = runningActor()
    if (!actor) return elsewhere(() => send(names))
    const { fault } = this
    const command = actor.commands++
    const mode = fault?.actor === actor.index && fault.command === command ? fault.mode : undefined
    if (mode) this.failed = label
    await turn(label)
    if (mode === 'refused') {
      done(`${label}: refused`)
      throw new Error('The socket was closed unexpectedly')
    }
    const answer = await elsewhere(() => send(names))
    done(mode ? `${label}: done, the answer lost` : label)
    await turn(`answer to ${label}`)
    if (mode === 'lost') throw new Error('The socket was closed unexpectedly')
    return answer
  }
}
