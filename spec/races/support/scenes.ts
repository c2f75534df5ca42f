/** Plays concurrent requests, each time from the same initial state. */
import { atWork, done, elsewhere, play, turn, type Turns } from './actors.ts'
import { heals, laterMs, stillRefreshed, type Response } from './aftermath.ts'
import { secureOrigin, sessionCookie, RaceBrowser, raceApp, seenBy, tellLogout, type RaceApp } from './app.ts'
import { RaceClient } from './client.ts'
import type { RaceAnswer } from './http.ts'
import { Judge } from './judge.ts'
import { Model } from './model.ts'
import {
  getEnd,
  endOfNoRequest,
  formers,
  getKey,
  getSid,
  users,
  type Begun,
  type Ended,
  type Former,
  type Op,
  type Played,
  type Scene,
} from './ops.ts'
import type { Place } from './places.ts'
import type { RaceProvider } from './provider.ts'
import type { Who } from '../../support/two-instances.ts'

/** A session before any concurrent request. */
interface Prepared {
  readonly former: Former
  readonly browser: RaceBrowser
  readonly responses: ReadonlyMap<string, Response>
}

/** The clock of everything that runs here. */
export interface Clock {
  now(): number
  set(ms: number): void
}

const cart = 'of before'
/** By the time of a scene, each guarded request rechecks its login in the background. */
const rechecks = { recheckSeconds: 1 }
/** Longer than the access token of a login is valid, which is one second. */
const sinceLoginMs = 2000

export class Stage {
  readonly #place: Place
  readonly #provider: RaceProvider
  readonly #clock: Clock
  readonly #prepared = new Map<Former, Prepared>()
  readonly #from: number
  readonly #apps: readonly [RaceApp, RaceApp]

  constructor(place: Place, provider: RaceProvider, clock: Clock) {
    this.#place = place
    this.#provider = provider
    this.#clock = clock
    this.#from = clock.now()
    // Two processes that share no memory.
    this.#apps = [raceApp(provider, undefined, rechecks), raceApp(provider, undefined, rechecks)]
  }

  /** Creates the sessions that races begin with, and the responses of logins in progress. */
  async prepare(): Promise<void> {
    const [app] = this.#apps
    for (const former of Object.keys(formers) as Former[]) {
      const client = new RaceClient(this.#place.client)
      await this.#place.begin(undefined, client)
      app.restart(client)
      await app.ready()
      const browser = new RaceBrowser()
      for (const [name, sub] of formers[former])
        await browser.go(app, await this.#begin(app, browser, { name, sub, copy: 0 }))
      if (former !== 'no session') await browser.go(app, `/put/${encodeURIComponent(cart)}`)
      const responses = new Map<string, Response>()
      for (const [name, sub] of users) {
        for (const copy of [0, 1] as const) {
          const other = new RaceBrowser()
          const path = await this.#begin(app, other, { name, sub, copy })
          responses.set(getKey({ name, sub, copy }), { path, cookie: other.jar.header(secureOrigin) ?? '' })
        }
      }
      this.#prepared.set(former, { former, browser, responses })
      await this.#place.keep(former, client)
    }
  }

  async #begin(app: RaceApp, browser: RaceBrowser, begun: Begun): Promise<string> {
    const { name, sub, copy } = begun
    const { location } = await browser.go(app, name === 'default' ? '/login' : `/${name}/login`)
    return this.#provider.authorize(location ?? '', sub, getSid(begun, copy))
  }

  /** Runs a scene and returns what is wrong with its outcome. */
  async play({ former, ops, stalls = [], fault, cut }: Scene, turns: Turns): Promise<Played> {
    const { refreshTokens } = this.#provider
    this.#clock.set(this.#from + sinceLoginMs)
    this.#provider.restart()
    refreshTokens.cut(cut)
    const client = new RaceClient(this.#place.client)
    await this.#place.begin(former, client)
    const prepared = this.#prepared.get(former) as Prepared
    const browser = prepared.browser.copy()
    const id = browser.session
    const apps = this.#apps
    for (const app of apps) app.restart(client)
    await Promise.all(apps.map((app) => app.ready()))
    client.fault = fault
    const ended: Ended[] = []
    const log = await play(
      ops.map((op, index) => async () => {
        if (op.kind === 'evict') {
          await this.#evict(client)
          ended[index] = endOfNoRequest(op)
          return
        }
        const answer = await this.#send(apps[index % 2] as RaceApp, prepared, op, index)
        if (op.kind !== 'stranger' && op.kind !== 'backchannel') browser.take(answer)
        ended[index] = getEnd(op, answer)
      }),
      turns,
      stalls,
    )
    const failed = client.failed === undefined ? undefined : fault
    client.fault = undefined
    const keys = await this.#place.keys(client)
    const { lost } = refreshTokens
    const evaluate = new Judge({
      ops,
      ended,
      id,
      fault: failed,
      lost,
      isCut: cut !== undefined,
      model: this.#model(former, id),
    })
    const views = new Map<string, Who>()
    for (const [session, value] of browser.seen) views.set(session, await seenBy(apps[0], value))
    const wrong = [...evaluate.answers(), ...evaluate.views(views)]
    for (const [code, times] of this.#provider.exchanges)
      if (times > 1) wrong.push(`the code ${code} was exchanged ${times} times`)
    wrong.push(...evaluate.keys(keys, views))
    const reported = apps.flatMap((app) => app.reported)
    const twice = reported.filter((one, at) => reported.some((other, before) => before < at && same(one, other)))
    if (twice.length > 0) wrong.push(`emitted twice: ${JSON.stringify(twice)}`)
    // Locks and failure notes last for seconds, also in a Redis with its own clock.
    await this.#dropLocks(client)
    this.#clock.set(this.#clock.now() + laterMs)
    wrong.push(...(await stillRefreshed(apps[0], views, browser, lost)), ...refreshTokens.wrong)
    if (fault ?? cut) wrong.push(...(await heals(apps[1], this.#provider, browser)))
    await this.#place.end(client)
    return { log, ended, wrong }
  }

  #model(former: Former, id: string | undefined): Model {
    const model = new Model(() => this.#clock.now() / 1000)
    if (id === undefined) return model
    model.make(id, cart)
    for (const [name, sub] of formers[former]) model.login(id, name, { sub, sid: getSid({ name, sub }, 0) }, id)
    model.put(id, cart)
    return model
  }

  #send(app: RaceApp, prepared: Prepared, op: Op, index: number): Promise<RaceAnswer> {
    const value = prepared.browser.jar.get(sessionCookie)?.value
    const session = value === undefined ? [] : [`${sessionCookie}=${value}`]
    const go = (path: string, cookies: readonly string[] = session): Promise<RaceAnswer> =>
      new RaceBrowser().go(app, path, cookies.length === 0 ? undefined : cookies.join('; '))
    switch (op.kind) {
      case 'login':
      case 'stranger': {
        const { path, cookie } = prepared.responses.get(getKey(op)) as Response
        return op.kind === 'login' ? go(path, [...session, cookie]) : go(path, [])
      }
      case 'backchannel':
        return this.#provider.logoutToken(op).then((token) => tellLogout(app, op.name, token))
      case 'logout':
        return go(op.name === 'default' ? '/logout' : `/${op.name}/logout`)
      case 'guarded':
      case 'token':
        return go(`/${op.kind}/${op.name}`)
      case 'put':
      case 'save':
      case 'regenerate':
        return go(`/${op.kind}/${op.kind}%20${index}`)
      default:
        return go(`/${op.kind}`)
    }
  }

  /** Deletes all refresh locks in one step. */
  async #evict(client: RaceClient): Promise<void> {
    await turn('the locks go')
    this.#provider.refreshTokens.unlocked = new Set(atWork())
    await elsewhere(() => this.#dropLocks(client))
    done('the locks go')
  }

  async #dropLocks({ prefix }: RaceClient): Promise<void> {
    const keys = await this.#place.keys({ prefix })
    const locks = keys.filter((key) => key.startsWith('oidc:refresh:')).map((key) => prefix + key)
    if (locks.length > 0) await this.#place.client.del(locks)
  }
}

function same(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
