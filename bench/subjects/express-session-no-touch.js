/** The hand-written login with `disableTouch`: a session ends a day after the login, whatever the activity. */
import { build as buildPlain } from './express-session.js'

/** @param {import('./settings.js').Surroundings} surroundings */
export function build(surroundings) {
  return buildPlain(surroundings, { disableTouch: true })
}
