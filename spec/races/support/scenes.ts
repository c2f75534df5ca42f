/** Plays requests that run at once, each time from the same beginning. */
import { play, type Turns } from './actors.ts'
import { names, origin, RaceBrowser, raceApp, seenBy, type Name, type RaceApp } from './app.ts'
import { RaceClient } from './client.ts'
import type { RaceAnswer } from './http.ts'
import { Judge } from './judge.ts'
import { Model } from './model.ts'
import { endOf, formers, keyOf, users, type Ended, type Former, type Op, type Played, type Scene } from './ops.ts'
import type { Place } from './places.ts'
import type { RaceProvider } from './provider.ts'
import type { Who } from '../../support/two-instances.ts'

/** A login that has got as far as its response. */
interface Response {
  readonly path: string
  /** The cookie of its transaction. */
  readonly cookie: string
}

/** A session as it is before anything runs at once. */
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
/** One that is begun in time to see afterwards whether one can log in. */
const afterwards = 2

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
    // Two processes that know nothing of each other.
    this.#apps = [raceApp(provider), raceApp(provider)]
  }

  /** Makes the sessions that races begin with, and the responses of logins that were begun. */
  async prepare(): Promise<void> {
    const [app, other] = this.#apps
    await Promise.all([app.ready(), other.ready()])
    for (const former of Object.keys(formers) as Former[]) {
      const client = new RaceClient(this.#place.client)
      await this.#place.begin(undefined, client)
      app.restart(client)
      const browser = new RaceBrowser()
      for (const [name, sub] of formers[former]) await browser.go(app, await this.#begin(app, browser, name, sub))
      if (former !== 'no session') await browser.go(app, `/put/${encodeURIComponent(cart)}`)
      const responses = new Map<string, Response>()
      for (const [name, sub] of users) {
        for (const copy of [0, 1, afterwards]) {
          const other = new RaceBrowser()
          const path = await this.#begin(app, other, name, sub)
          responses.set(keyOf({ name, sub, copy }), { path, cookie: other.jar.header(origin) ?? '' })
        }
      }
      this.#prepared.set(former, { former, browser, responses })
      await this.#place.keep(former, client)
    }
  }

  async #begin(app: RaceApp, browser: RaceBrowser, name: Name, sub: string): Promise<string> {
    const { location } = await browser.go(app, name === 'default' ? '/login' : `/${name}/login`)
    return this.#provider.authorize(location ?? '', sub)
  }

  /** Runs a scene, and says what is wrong with how it ended. */
  async play({ former, ops, stalls = [], fault }: Scene, turns: Turns): Promise<Played> {
    this.#clock.set(this.#from)
    this.#provider.exchanges.clear()
    const client = new RaceClient(this.#place.client)
    await this.#place.begin(former, client)
    const prepared = this.#prepared.get(former) as Prepared
    const browser = prepared.browser.copy()
    const id = browser.session
    const apps = this.#apps
    for (const app of apps) app.restart(client)
    client.fault = fault
    const ended: Ended[] = []
    const log = await play(
      ops.map((op, index) => async () => {
        const answer = await this.#send(apps[index % 2] as RaceApp, prepared, op, index)
        if (op.kind !== 'stranger') browser.take(answer)
        ended[index] = endOf(op, answer)
      }),
      turns,
      stalls,
    )
    const failed = client.failed === undefined ? undefined : fault
    client.fault = undefined
    const keys = await this.#place.keys(client)
    const judge = new Judge({ former, ops, ended, id, fault: failed, model: this.#model(former, id) })
    const views = new Map<string, Who>()
    for (const [session, value] of browser.seen) views.set(session, await seenBy(apps[0], value))
    const wrong = [...judge.answers(), ...judge.views(views)]
    for (const [code, times] of this.#provider.exchanges)
      if (times > 1) wrong.push(`the code ${code} was exchanged ${times} times`)
    wrong.push(...judge.keys(keys, views))
    const told = apps.flatMap((app) => app.told)
    const twice = told.filter((one, at) => told.some((other, before) => before < at && same(one, other)))
    if (twice.length > 0) wrong.push(`told twice: ${JSON.stringify(twice)}`)
    if (fault) wrong.push(...(await this.#heals(apps[1], prepared, browser)))
    await this.#place.end(client)
    return { log, ended, wrong }
  }

  #model(former: Former, id: string | undefined): Model {
    const model = new Model(() => this.#clock.now() / 1000)
    if (id === undefined) return model
    model.make(id, cart)
    for (const [name, sub] of formers[former]) model.login(id, name, sub, id)
    model.put(id, cart)
    return model
  }

  #send(app: RaceApp, prepared: Prepared, op: Op, index: number): Promise<RaceAnswer> {
    const value = prepared.browser.jar.get('connect.sid')?.value
    const session = value === undefined ? [] : [`connect.sid=${value}`]
    const go = (path: string, cookies: readonly string[] = session): Promise<RaceAnswer> =>
      new RaceBrowser().go(app, path, cookies.length === 0 ? undefined : cookies.join('; '))
    switch (op.kind) {
      case 'login':
      case 'stranger': {
        const { path, cookie } = prepared.responses.get(keyOf(op)) as Response
        return op.kind === 'login' ? go(path, [...session, cookie]) : go(path, [])
      }
      case 'logout':
        return go(op.name === 'default' ? '/logout' : `/${op.name}/logout`)
      case 'guarded':
        return go(`/guarded/${op.name}`)
      case 'put':
      case 'save':
      case 'regenerate':
        return go(`/${op.kind}/${op.kind}%20${index}`)
      default:
        return go(`/${op.kind}`)
    }
  }

  /** With no restart the browser can log in with both instances, and out again. */
  async #heals(app: RaceApp, { responses }: Prepared, browser: RaceBrowser): Promise<string[]> {
    const wrong: string[] = []
    for (const name of names) {
      const sub = name === 'default' ? 'alice' : 'dora'
      const { path, cookie } = responses.get(keyOf({ name, sub, copy: afterwards })) as Response
      const session = browser.jar.get('connect.sid')
      const back = await browser.go(app, path, session ? `connect.sid=${session.value}; ${cookie}` : cookie)
      const { status } = await browser.go(app, `/guarded/${name}`)
      if (back.status !== 303 || status !== 200)
        wrong.push(`cannot log in again with ${name}: ${back.status}, ${status}`)
    }
    for (const name of names) {
      const { status } = await browser.go(app, name === 'default' ? '/logout' : `/${name}/logout`)
      if (status !== 303) wrong.push(`cannot log out of ${name}: ${status}`)
    }
    for (const [session, value] of browser.seen) {
      const { default: one, partner } = await seenBy(app, value)
      if (browser.session === session && (one ?? partner)) wrong.push('logged in after both logouts')
    }
    return wrong
  }
}

function same(one: object, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
