/** The hand-written login with `disableTouch`: a session ends one day after the login, even if it is in use. */
import { build as buildPlain } from './express-session.js'

/** @param {import('./settings.js').Surroundings} surroundings */
export function build(surroundings) {
  return buildPlain(surroundings, { disableTouch: true })
}
