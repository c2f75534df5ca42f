/**
 * The subjects that are measured side by side. `name` is the file in subjects/.
 *
 * @typedef {{ name: string, label: string, note: string, goal?: number }} Subject
 */

export const ours = 'express-session-oidc'

/** `goal`: how many times as fast as this subject the package should be. @type {readonly Subject[]} */
export const subjects = [
  { name: 'bare', label: 'Express alone', note: 'no session, no login' },
  {
    name: 'floor',
    label: 'express-session, the floor',
    note: 'a store that reads with one MGET and renews nothing',
    goal: 0.85,
  },
  {
    name: 'express-session',
    label: 'express-session, tokens inside',
    note: 'connect-redis, written by hand with openid-client',
    goal: 1.3,
  },
  {
    name: 'express-session-no-touch',
    label: 'express-session, disableTouch',
    note: 'the same, but sessions end one day after login',
  },
  {
    name: 'express-openid-connect-cookies',
    label: 'express-openid-connect, cookies',
    note: 'its default: the session in encrypted cookies',
    goal: 2.5,
  },
  {
    name: 'express-openid-connect-redis',
    label: 'express-openid-connect, Redis',
    note: 'connect-redis as session.store',
    goal: 1.5,
  },
  { name: ours, label: 'express-session-oidc', note: 'RedisSessionStore, requireAuth()' },
]
