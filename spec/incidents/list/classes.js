/** Classes of advisories, those with the most advisories first. */
import { at, held } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const classes = [
  {
    title: 'Classes of defects',
    incidents: [
      held(
        'open redirects',
        'whatever the input, the result is on this origin',
        shown.redirects,
        shown.returnTo,
        shown.storedReturn,
      ),
      held(
        'users mixed up by caches and races',
        'each user gets their own login and data, even if other users are served concurrently',
        shown.usersApart,
        at('users-apart-2'),
      ),
      held(
        'missing checks of tokens',
        'issuer, audience, signature, algorithm, times and nonce are each checked separately',
        shown.idTokenChecks,
        shown.claims,
        shown.header,
      ),
      held('session fixation', 'a login gets a new session', shown.fixation),
      held(
        'single-use values that could be used twice',
        'state and code are used once, across all processes',
        shown.usedOnce,
      ),
      held(
        'trusted headers',
        'no header determines the user or the public URL',
        shown.identityHeaders,
        shown.hostHeaders,
        shown.noExemptions,
      ),
      held('rules bypassed by paths', 'guards are attached to routes', shown.guardStops, shown.guardPaths),
      held('sizes chosen by clients', 'all input is bounded', shown.bombs, shown.sizes, at('form-post-2')),
      held('cookies in caches', 'no cache keeps a response that sets a cookie', at('cookies-5'), shown.caches),
      held(
        'tokens for another purpose',
        'a token or sealed value for one purpose is useless for another',
        shown.purposes,
        at('id-token-8'),
      ),
      held('scripts in pages', 'text is escaped, and pages have no script', shown.markup, shown.providerText),
      held('secrets in logs', 'logs contain no secret', shown.secretsTold, shown.secretsKept),
      held(
        'sealing that protected nothing',
        'nonces are fresh, contexts are bound, and any changed byte is detected',
        shown.sealed,
        at('seal-1', 'seal-3'),
      ),
      held('ended logins that came back', 'a logout is final', shown.comesBack),
      held('faults that granted access', 'a fault lets nobody in', shown.storeDown, at('session-verdict-3')),
      held(
        'logins begun in another browser or with another provider',
        'each is finished where it began',
        shown.loginCsrf,
        shown.mixUp,
      ),
      held('bound tokens accepted as plain ones', 'a bound token is rejected without its proof', shown.boundTokens),
    ],
  },
]
