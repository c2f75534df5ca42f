import type { Response } from 'express'
import { hashShort } from '../../core/short-hash.ts'
import type { Cookie } from '../../session/login-cookies.ts'
import {
  addSession,
  listProgressCookies,
  writeProgressCookie,
  type ProgressCookie,
} from '../../session/progress-cookie.ts'
import { formatCookie, listSessionCookies, readCookies } from './cookie-header.ts'
import type { HandlerContext } from './handler-context.ts'

/** Maximum number of cookies that one response changes, the latest ones: proxies limit the headers of a response. */
const mostNoted = 20

/**
 * Notes a session that this response issues in the cookies of the logins in progress, so that their callbacks know that it
 * belongs to this browser. It must follow from what is known already: the request has shown no living session, or one that
 * the login names.
 */
export function watchIssuedSession({ instance, req, res }: HandlerContext): void {
  const { cookiePlace } = instance
  if (!req.session || !(req.headers.cookie ?? '').includes(cookiePlace.prefix)) return
  const logins = listProgressCookies(cookiePlace, readCookies(req))
  if (logins.length === 0) return
  const arrived = listSessionCookies(req, req.sessionID).length > 0 ? req.sessionID : undefined
  const hash = arrived === undefined ? undefined : hashShort(arrived)
  const belonging = logins.filter(({ from }) => hash === undefined || from.includes(hash)).slice(-mostNoted)
  if (belonging.length === 0) return
  onSessionCookie(
    res,
    () => req.sessionID,
    (set) => {
      if (req.sessionID === arrived) return []
      return belonging
        .filter(({ name }) => !set.some((one) => one.startsWith(`${name}=`)))
        .map((login) => addIssued(login))
    },
  )

  function addIssued(login: ProgressCookie): Cookie {
    return writeProgressCookie(cookiePlace, { ...login, from: addSession(login.from, hashShort(req.sessionID)) })
  }
}

/**
 * Adds cookies to a response that sets the cookie of its session. express-session decides this only when it writes the
 * headers, and then sets the header `Set-Cookie`.
 */
function onSessionCookie(
  res: Response,
  findId: () => string,
  makeCookies: (set: readonly string[]) => readonly Cookie[],
): void {
  const setHeader = res.setHeader.bind(res)
  let isDone = false
  res.setHeader = (name, value) => {
    if (isDone || name.toLowerCase() !== 'set-cookie') return setHeader(name, value)
    const set = [value].flat().map(String)
    const signed = encodeURIComponent(`s:${findId()}.`)
    if (!set.some((one) => one.includes(`=${signed}`))) return setHeader(name, value)
    isDone = true
    return setHeader(name, [...set, ...makeCookies(set).map((cookie) => formatCookie(res.req, cookie))])
  }
}
