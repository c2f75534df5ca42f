/**
 * A random mixture of what happens in the tabs of one browser: carts, logins with two providers that begin and end in any
 * order, logouts, another person at the keyboard, and a sibling host that plants session cookies for the callback. An own
 * cart or a second login is hardly ever lost, and nothing of the attacker's is ever kept.
 */
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { byDepth, depth } from '../support/depth.ts'
import { forgetFinished } from '../support/identity.ts'
import { publicOrigin, readLocation } from '../support/flow.ts'
import {
  beginInTabs,
  changePerson,
  openBrowser,
  plant,
  tabsOfFile,
  unplant,
  whoHas,
  type WaitingTab,
} from '../support/tabs.ts'
import type { Who } from '../support/two-instances.ts'
import { chances } from './support/chances.ts'
import { seed } from './support/stage.ts'

const { world, partner, start } = tabsOfFile()

type Name = 'default' | 'partner'

/** A login that the household has begun. */
type BegunTab = WaitingTab & { readonly name: Name; readonly person: string }

/** What a mixture counts. */
interface Tally {
  finished: number
  lostCarts: number
  lostLogins: number
  /** Sessions with something of the attacker's, or with the cart of the former user of the same instance. */
  foreign: string[]
}

/** One browser in the mixture. */
class Household {
  person = 'alice'
  readonly #agent: UserAgent
  readonly #random: () => number
  readonly #tabs: BegunTab[] = []
  readonly #log: string[] = []

  constructor(app: TestApp, random: () => number) {
    this.#agent = openBrowser(app)
    this.#random = random
    this.#changePerson('alice')
  }

  /** Does one random thing. */
  async step(tally: Tally, attackers: string): Promise<void> {
    const roll = this.#random()
    forgetFinished(this.#agent)
    if (roll < 0.2) return this.#fillCart()
    if (roll < 0.5) return this.#begin()
    if (roll < 0.54) return this.#logOut()
    if (roll < 0.58 && this.person === 'alice') return this.#changePerson('bob')
    if (this.#tabs.length > 0) await this.#finish(tally, this.#random() < 0.1 ? attackers : undefined)
  }

  async #fillCart(): Promise<void> {
    const { default: first, partner: second } = await whoHas(this.#agent)
    // What a visitor puts into the cart belongs to the next user who logs in with this browser.
    const cart = [first, second].includes(this.person) ? this.person : 'visitor'
    this.#log.push(`cart ${cart}`)
    await this.#agent.get(`/cart/${cart}`)
  }

  async #begin(): Promise<void> {
    const name: Name = this.#random() < 0.6 ? 'default' : 'partner'
    const page = name === 'default' ? '/login' : '/partner/login'
    const pages = this.#random() < 0.3 ? [page, page] : [page]
    this.#log.push(`begin ${pages.join(' ')}`)
    const tabs = await beginInTabs(this.#agent, pages)
    // After a logout, a button may be shown only to requests of other sites.
    this.#tabs.push(...tabs.map((tab) => ({ ...tab, name, person: this.person })))
  }

  async #logOut(): Promise<void> {
    this.#log.push('log out')
    await this.#agent.post('/logout', {}, { redirect: 'manual' })
  }

  #changePerson(person: string): void {
    this.#log.push(`person ${person}`)
    this.person = person
    changePerson(this.#agent, person, [world.provider, partner()])
  }

  /** Returns from the provider in a random tab, maybe with the attacker's session planted for the callback. */
  async #finish(tally: Tally, planted: string | undefined): Promise<void> {
    const [tab] = this.#tabs.splice(Math.floor(this.#random() * this.#tabs.length), 1) as [BegunTab]
    const before = await whoHas(this.#agent)
    const callback = readLocation(await this.#agent.get(tab.authorization, { redirect: 'manual' }))
    const path = tab.name === 'default' ? '/callback' : '/partner/callback'
    if (planted !== undefined) plant(this.#agent, 'connect.sid', planted, path)
    const page = await this.#agent.get(callback)
    if (planted !== undefined) unplant(this.#agent, 'connect.sid', path)
    const after = await whoHas(this.#agent)
    this.#log.push(`finish ${tab.name}${planted === undefined ? '' : ' with a planted session'} (${page.status})`)
    tally.finished++
    this.#judge(tally, { before, after, name: tab.name, isPlanted: planted !== undefined })
  }

  #judge(
    tally: Tally,
    { before, after, name, isPlanted }: { before: Who; after: Who; name: Name; isPlanted: boolean },
  ): void {
    const hasAttacker = [after.default, after.partner, after.cart].includes('mallory')
    // Another user of the same instance starts empty. Users of two instances share a session, as when one user links them.
    const isChanged = before[name] !== null && after[name] !== null && before[name] !== after[name]
    const isForeign = hasAttacker || (isChanged && after.cart !== null)
    if (isForeign) tally.foreign.push(`${this.#log.join(', ')}: ${JSON.stringify({ before, after })}`)
    // A loss counts if all that the browser had is of the person who has finished the login.
    const who = after[name]
    const had = [before.default, before.partner].filter((user) => user !== null)
    if (isPlanted || who === null || had.some((user) => user !== who)) return
    if ((before.cart === who || before.cart === 'visitor') && after.cart === null) tally.lostCarts++
    const other: Name = name === 'default' ? 'partner' : 'default'
    if (before[other] !== null && after[other] === null) tally.lostLogins++
  }
}

describe('a random mixture of what happens in one browser', () => {
  it.each(['connect.sid', '__Host-sid'])(
    'loses next to nothing of the user with the cookie %s, and keeps nothing of an attacker',
    async (cookie) => {
      const chance = chances(seed)
      const random = (): number => chance(1_000_000) / 1_000_000
      const app = await start({ cookie })
      const attacker = openBrowser(app)
      changePerson(attacker, 'mallory', [world.provider, partner()])
      for (const page of ['/login', '/partner/login', '/cart/mallory']) await attacker.get(page)
      const planted = attacker.jar.cookies(publicOrigin).find(({ name }) => name === cookie)?.value ?? ''
      const tally: Tally = { finished: 0, lostCarts: 0, lostLogins: 0, foreign: [] }
      const enough = byDepth({ quick: 100, normal: 300, deep: 30_000 })
      while (tally.finished < enough) {
        const household = new Household(app, random)
        for (let step = 0; step < 14; step++) await household.step(tally, planted)
      }
      const rates = {
        finished: tally.finished,
        'own cart lost': tally.lostCarts / tally.finished,
        'own second login lost': tally.lostLogins / tally.finished,
      }
      if (depth() === 'deep') console.log(cookie, `seed ${seed}`, rates)
      expect(tally.foreign).toEqual([])
      // Of few logins, a single loss would be too many.
      expect(tally.lostCarts).toBeLessThanOrEqual(Math.max(1, tally.finished * 0.001))
      expect(tally.lostLogins).toBeLessThanOrEqual(Math.max(3, tally.finished * 0.005))
    },
    byDepth({ quick: 60_000, normal: 120_000, deep: 7_200_000 }),
  )
})
