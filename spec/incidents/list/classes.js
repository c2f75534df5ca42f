/** The classes that the advisories fall into, by their number. */
import { at, held } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const classes = [
  {
    title: 'Classes of defects',
    incidents: [
      held(
        'open redirects',
        'whatever goes in, what comes out is on this origin',
        shown.redirects,
        shown.returnTo,
        shown.storedReturn,
      ),
      held(
        'users mixed up by caches and races',
        'each user has his own, whoever else is served',
        shown.usersApart,
        at('users-apart-2'),
      ),
      held(
        'checks of tokens that were missing',
        'issuer, audience, signature, algorithm, times and nonce are each checked alone',
        shown.idTokenChecks,
        shown.claims,
        shown.header,
      ),
      held('session fixation', 'the session of a login is a new one', shown.fixation),
      held('things good once that were good twice', 'state and code are used once, in any process', shown.usedOnce),
      held(
        'headers that were trusted',
        'no header says who somebody is or where we are',
        shown.identityHeaders,
        shown.hostHeaders,
        shown.noExemptions,
      ),
      held('rules that paths got round', 'guards stand on routes', shown.guardStops, shown.guardPaths),
      held('sizes that clients chose', 'what comes in is bounded', shown.bombs, shown.sizes, at('form-post-2')),
      held('cookies in caches', 'what sets a cookie is kept by no cache', at('cookies-5'), shown.caches),
      held(
        'tokens for another purpose',
        'what is for one purpose is nothing for another',
        shown.purposes,
        at('id-token-8'),
      ),
      held('scripts in pages', 'texts are escaped, and pages have no script', shown.markup, shown.providerText),
      held('secrets in logs', 'none', shown.secretsTold, shown.secretsKept),
      held(
        'sealing that was none',
        'fresh nonces, bound contexts, no byte changed',
        shown.sealed,
        at('seal-1', 'seal-3'),
      ),
      held('what came back', 'a logout is final', shown.comesBack),
      held('faults that opened doors', 'a fault lets nobody in', shown.storeDown, at('session-verdict-3')),
      held('logins of another browser or provider', 'each is finished where it began', shown.loginCsrf, shown.mixUp),
      held('bound tokens taken as plain ones', 'a bound token is none without its proof', shown.boundTokens),
    ],
  },
]
