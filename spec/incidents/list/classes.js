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
        at('incidents/users-apart', 'leave the others as they are where half of them fail or log out'),
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
      held(
        'sizes that clients chose',
        'what comes in is bounded',
        shown.bombs,
        shown.sizes,
        at('flows/form-post', 'that is too large is refused with 413, which its sender gets to read'),
      ),
      held(
        'cookies in caches',
        'what sets a cookie is kept by no cache',
        at('http/cookies', 'names every attribute, and keeps the response out of caches'),
        shown.caches,
      ),
      held(
        'tokens for another purpose',
        'what is for one purpose is nothing for another',
        shown.purposes,
        at('tokens/id-token', 'which is the access token'),
      ),
      held('scripts in pages', 'texts are escaped, and pages have no script', shown.markup, shown.providerText),
      held('secrets in logs', 'none', shown.secretsTold, shown.secretsKept),
      held(
        'sealing that was none',
        'fresh nonces, bound contexts, no byte changed',
        shown.sealed,
        at('core/seal', 'has a nonce of its own each time', 'does not open for another context'),
      ),
      held('what came back', 'a logout is final', shown.comesBack),
      held(
        'faults that opened doors',
        'a fault lets nobody in',
        shown.storeDown,
        at('guard/session-verdict', 'passes nothing where the check throws'),
      ),
      held('logins of another browser or provider', 'each is finished where it began', shown.loginCsrf, shown.mixUp),
      held('bound tokens taken as plain ones', 'a bound token is none without its proof', shown.boundTokens),
    ],
  },
]
