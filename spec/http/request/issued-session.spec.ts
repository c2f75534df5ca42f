import type { Request, Response } from 'express'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { hashShort } from '../../../lib/core/short-hash.ts'
import type { HandlerContext } from '../../../lib/http/request/handler-context.ts'
import { watchIssuedSession } from '../../../lib/http/request/issued-session.ts'
import { createLoginId } from '../../../lib/session/login-in-progress.ts'
import {
  clearProgressCookie,
  createProgressCookie,
  listProgressCookies,
  writeProgressCookie,
  type ProgressCookie,
} from '../../../lib/session/progress-cookie.ts'
import { instanceWith } from '../../logins/support/stage.ts'

const instance = instanceWith()
const { cookiePlace } = instance
const arrived = 'An_id-of-32-characters-arriving1'
const issued = 'An_id-of-32-characters-issued-01'

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 }))

function loginFrom(...sessions: readonly string[]): ProgressCookie {
  return createProgressCookie(cookiePlace, createLoginId(), sessions.map(hashShort))
}

/** The value of `Set-Cookie` that express-session sets for a session. */
function sessionCookie(id: string): string {
  return `connect.sid=${encodeURIComponent(`s:${id}.signature/+=`)}; Path=/; HttpOnly`
}

interface Given {
  readonly logins: readonly ProgressCookie[]
  /** The id in the session cookie; none for a request without one. */
  readonly cookie?: string
  /** The session of the request at its begin; none for a request without a session. */
  readonly session?: string | undefined
}

/** A response, after the request has passed the router. */
interface Watched {
  readonly req: Request
  readonly res: Response
  readonly headers: Map<string, unknown>
  /** The function of the response before the router. */
  readonly original: unknown
}

function watch({ logins, cookie, ...given }: Given): Watched {
  const sent = logins
    .map((login) => writeProgressCookie(cookiePlace, login))
    .map(({ name, value }) => `${name}=${value}`)
  if (cookie !== undefined) sent.push(`connect.sid=s%3A${cookie}.signature`)
  const session = 'session' in given ? given.session : arrived
  const req = {
    headers: { cookie: sent.join('; ') },
    ...(session !== undefined && { session: { cookie: {} }, sessionID: session }),
  } as unknown as Request
  const headers = new Map<string, unknown>()
  const res = { req, setHeader: (name: string, value: unknown) => headers.set(name.toLowerCase(), value) }
  const original: unknown = res.setHeader
  watchIssuedSession({ instance, req, res } as unknown as HandlerContext)
  return { req, res: res as unknown as Response, headers, original }
}

/** The logins in progress whose cookies a response sets, each with its list of sessions. */
function listSet({ headers }: Watched): Record<string, readonly string[]> {
  const set = ((headers.get('set-cookie') ?? []) as string[]).map((one) => one.split(';', 1)[0] as string)
  const cookies = new Map(set.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
  return Object.fromEntries(listProgressCookies(cookiePlace, cookies).map(({ name, from }) => [name, from]))
}

/** The response sets the cookie of a session, as express-session does when it writes the headers. */
function issue(watched: Watched, id = issued, ...others: readonly string[]): Watched {
  watched.req.sessionID = id
  watched.res.setHeader('Set-Cookie', [...others, sessionCookie(id)])
  return watched
}

describe('watchIssuedSession()', () => {
  it('notes the session of a first visitor in all logins in progress', () => {
    const [one, two] = [loginFrom(), loginFrom('another')]
    expect(listSet(issue(watch({ logins: [one, two], session: issued })))).toEqual({
      [one.name]: [hashShort(issued)],
      [two.name]: ['another', issued].map(hashShort),
    })
  })

  it('notes a session whose cookie named one that is no longer alive', () => {
    const login = loginFrom()
    const watched = watch({ logins: [login], cookie: 'An_id-of-32-characters-gone-0001', session: issued })
    expect(listSet(issue(watched))).toEqual({ [login.name]: [hashShort(issued)] })
  })

  it('notes a new session only in the logins that come from the one that arrived', () => {
    const [known, other] = [loginFrom('x', arrived), loginFrom('x')]
    expect(listSet(issue(watch({ logins: [known, other], cookie: arrived })))).toEqual({
      [known.name]: ['x', arrived, issued].map(hashShort),
    })
    // The session that arrived may be planted.
    expect(listSet(issue(watch({ logins: [other], cookie: arrived })))).toEqual({})
  })

  it('keeps the other cookies of the response, and the secret and the begin of a login', () => {
    const login = { ...loginFrom(), startedAt: 1_799_999_000 }
    const { headers } = issue(watch({ logins: [login], session: issued }), issued, 'theme=dark')
    const from = [hashShort(issued)]
    const { value } = writeProgressCookie(cookiePlace, { ...login, from })
    expect(headers.get('set-cookie')).toEqual([
      'theme=dark',
      sessionCookie(issued),
      `${login.name}=${value}; Path=/; Max-Age=2600; HttpOnly; SameSite=Lax; Secure`,
    ])
  })

  it('keeps the four latest sessions of a login', () => {
    const login = loginFrom('a', 'b', 'c', 'd')
    const set = listSet(issue(watch({ logins: [login], session: issued })))
    expect(set).toEqual({ [login.name]: ['b', 'c', 'd', issued].map(hashShort) })
  })

  it('notes nothing if the cookie of the session that arrived is renewed', () => {
    const watched = watch({ logins: [loginFrom(arrived)], cookie: arrived })
    watched.res.setHeader('Set-Cookie', [sessionCookie(arrived)])
    expect(watched.headers.get('set-cookie')).toEqual([sessionCookie(arrived)])
  })

  it('notes nothing if the response sets no session cookie, or that of another session', () => {
    for (const value of [
      'theme=dark',
      ['theme=dark'],
      sessionCookie('An_id-of-32-characters-another-1'),
      `a=${issued}`,
    ]) {
      const watched = watch({ logins: [loginFrom()], session: issued })
      watched.res.setHeader('Set-Cookie', value)
      watched.res.setHeader('X-Session', sessionCookie(issued))
      expect(watched.headers.get('set-cookie')).toBe(value)
    }
  })

  it('does not restore the cookie of a login that the response removes or sets itself', () => {
    const [finished, other] = [loginFrom(), loginFrom()]
    const { name } = clearProgressCookie(cookiePlace, finished.name.slice(cookiePlace.prefix.length))
    expect(name).toBe(finished.name)
    const watched = watch({ logins: [finished, other], session: issued })
    const { headers } = issue(watched, issued, `${name}=; Path=/; Max-Age=0`)
    const set = headers.get('set-cookie') as string[]
    expect(set.filter((one) => one.startsWith(`${name}=`))).toEqual([`${name}=; Path=/; Max-Age=0`])
    expect(set.filter((one) => one.startsWith(`${other.name}=`))).toHaveLength(1)
  })

  it('adds the cookies once, even if headers are set again', () => {
    const login = loginFrom()
    const watched = issue(watch({ logins: [login], session: issued }))
    const first = watched.headers.get('set-cookie') as string[]
    watched.res.setHeader('Set-Cookie', first)
    expect(watched.headers.get('set-cookie')).toEqual(first)
    expect(first).toHaveLength(2)
  })

  it('accepts one value in any case of the name of the header', () => {
    const login = loginFrom()
    const watched = watch({ logins: [login], session: issued })
    watched.res.setHeader('set-cookie', sessionCookie(issued))
    expect(listSet(watched)).toEqual({ [login.name]: [hashShort(issued)] })
  })

  it.each<[string, Given]>([
    ['has no session', { logins: [loginFrom()], session: undefined }],
    ['has no login in progress', { logins: [], session: issued }],
  ])('does not touch the response if the request %s', (_name, given) => {
    const { res, original } = watch(given)
    expect(Reflect.get(res, 'setHeader')).toBe(original)
  })
})
