import { nowSeconds } from '../core/clock.ts'
import { hashShort } from '../core/short-hash.ts'
import type { BrowserRecord } from '../store/browser-record.ts'
import type { LoginEntry } from '../store/login-entry.ts'
import type { LoginRecord } from '../store/login-record.ts'
import { carryOver, type Carried } from './identity-change.ts'
import type { LoginInProgress } from './login-in-progress.ts'
import { findTrust, listRecent, type Arrival } from './session-trust.ts'

/** The session that arrived at a callback, which the login replaces. */
export interface FormerSession {
  readonly id: string
  /** Whether it ever had logins; they may all have ended. */
  readonly hadLogins: boolean
  readonly record: LoginRecord
}

/** A login at its callback, as it has begun and as it has arrived. */
export interface ArrivedLogin {
  readonly login: LoginInProgress
  readonly arrival: Arrival
  /** Name of the instance. */
  readonly name: string
  readonly user: Pick<LoginEntry, 'owner' | 'issuer' | 'sub'>
  /** The mark that the browser gets if it has none, or if the one it has is another user's. */
  readonly newMark: string
}

/** What a login keeps of the former session, and what the new session's record says of the browser. */
export interface Kept extends Carried {
  readonly mark: string
  readonly browser: BrowserRecord
  /** Whether something is lost because nothing shows that the session belongs to the browser of the login. */
  readonly isUntrusted: boolean
}

/** Maximum number of logins in progress, and of replaced sessions, that a record names. */
const mostNamed = 24

/** Decides what a login keeps of the former session. */
export function selectKept(former: FormerSession, { login, arrival, name, user, newMark }: ArrivedLogin): Kept {
  const { id, hadLogins, record } = former
  const entries = record.liveEntries
  const own = Object.hasOwn(entries, name) ? entries[name] : undefined
  const isSameUser = own !== undefined && own.owner === user.owner && own.issuer === user.issuer && own.sub === user.sub
  const carried = carryOver({ hadLogins, entries }, name, user)
  const trust = findTrust(login, { id, browser: record.browser, isSameUser }, arrival)
  const isContinued = trust.data && (own === undefined || isSameUser)
  const mark = (isContinued ? arrival.mark : undefined) ?? newMark
  const hasArrived = arrival.cookies.length > 0
  const others = arrival.inProgress.filter((hash) => hash !== login.cookie)
  const logins = [...(isContinued ? (record.browser?.logins ?? []) : []), ...(own && !isSameUser ? [] : others)]
  const replaced = isContinued
    ? [...listRecent(record.browser), ...(hasArrived ? [{ session: hashShort(id), at: nowSeconds() }] : [])]
    : []
  return {
    data: carried.data && trust.data,
    entries: trust.logins ? carried.entries : {},
    mark,
    browser: {
      mark: hashShort(mark),
      logins: [...new Set(logins)].slice(-mostNamed),
      replaced: replaced.slice(-mostNamed),
    },
    isUntrusted: (carried.data && !trust.data) || (Object.keys(carried.entries).length > 0 && !trust.logins),
  }
}
