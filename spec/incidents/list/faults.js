/** What others do when something fails, and what is required here. */
import { at, comes, held, rowsOf } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const faults = [
  {
    title: 'Behaviour under fault',
    incidents: [
      held(
        'the provider is down at start',
        'the application starts; a login is 503 until the provider is up, sessions go on',
        shown.providerDown,
        at('http/oidc', 'tell that the provider is down, and that it is back'),
      ),
      held(
        'discovery fails later',
        'the metadata at hand serve, and the fault is told',
        at('provider/discovery', 'metadata that grow old'),
      ),
      held(
        'the key set cannot be had',
        'the keys at hand serve for a day; without any it is 503',
        at(
          'tokens/keys',
          'that are old serve while their endpoint %s',
          'that are older than a day serve no more',
          'whose endpoint %s before they were ever had: 503, and the next login works',
        ),
      ),
      held(
        'keys are rotated',
        'the new key is fetched at once, once',
        at('tokens/id-token', 'just before it signs: the new key is fetched at once'),
        at('provider/misbehaving', 'rotated at each of many logins at once serve all of them'),
      ),
      held(
        'a flood of unknown keys',
        'one fetch for a token, and one at a time',
        at('tokens/keys', 'look for another key once, not for ever, where none fits'),
        at(
          'provider/misbehaving',
          'that come late, after a token they should verify, are one refusal and not a loop of fetches',
        ),
      ),
      held(
        'Redis is down when a session is read',
        '503; the cookie stays, and no login is begun',
        shown.storeDown,
        at('support/guard-answers.ts', 'a %s gets 503 with Retry-After, keeps its cookie and its login'),
      ),
      held(
        'Redis is down at the end of a login',
        '503; the login under way is kept, and a retry logs in',
        at(
          'flows/store-faults',
          'that was never made leaves the response good: the same address finishes the login',
          'is not used again: the same address begins a new login, with another code',
        ),
      ),
      held(
        'Redis is slow',
        'a command is given up after its time',
        rowsOf('faults/store', '%s', 'faults/rows.ts', 'Redis answers too late', 'Redis answers late, but in time'),
        at('session/redis-records', 'give a command up after its time'),
      ),
      held(
        'Redis lost what was written last',
        'a login again, and no circles',
        rowsOf('faults/store', '%s', 'faults/rows.ts', 'Redis was emptied'),
      ),
      comes(
        'the memory of replays is down',
        'what cannot be remembered is refused',
        'back-channel logout',
        shown.proofsOnce,
      ),
      held(
        'clocks differ',
        'by 30 seconds, unless told otherwise',
        at('tokens/id-token', 'an ID token that is odd but good'),
        at('tokens/claims', 'being %s logs in as it should, or is refused'),
        at(
          'config/options',
          'need no more than issuer, client and base URL, and have the defaults that the documentation promises',
        ),
      ),
      comes(
        'refreshes race in a process',
        'one flight',
        'refresh',
        at('core/single-flight', 'runs once for all who ask while it runs, and anew for who asks later'),
      ),
      comes('refreshes race between processes', 'a lock, and compare-and-set', 'refresh'),
      comes('the provider fails at a refresh', 'the login stays', 'refresh'),
      comes('the answer to a refresh is lost', 'detected; a login without a page', 'refresh'),
      held(
        'an authorization response comes again: reload, back button, double click',
        'it leads where it went, and the code is spent once',
        at(
          'flows/callback',
          'by a reload leads where it went, with one token request',
          'by a double click is used once: two at the same time, one token request, both end there',
        ),
        at(
          'browser/tabs',
          'a page that is reloaded where the login ended stays, and the back button leads to no error of ours',
        ),
      ),
      held(
        'a code is redeemed twice',
        'never: a response is claimed first',
        shown.usedOnce,
        at('logins/claim', 'is had by one of any number'),
      ),
      held(
        'the cookie of a login is lost or blocked',
        'one restart, then a page with the causes',
        at('flows/callback', 'begins the login once more, then answers 400 and names the likely causes'),
        at('browser/cookies', 'the login starts over once, then a page names the likely causes'),
      ),
      held(
        'a login that goes round in circles',
        'it is stopped, and the page says why',
        at('flows/callback', 'ends in a page that says so, after more than five logins within a minute'),
        at('session/transaction', 'are too many from the sixth within a minute on, and are then counted anew'),
      ),
      held(
        'huge tokens and groups',
        'they stay on the server, and are bounded',
        at(
          'tokens/claims',
          '%s is a login',
          'beyond what an answer may be is a fault of the provider, and the next login works',
        ),
        at('provider/misbehaving', 'begins with no hint where that makes an address too long for servers to take'),
      ),
      held(
        'answers that begin early',
        'session and cookie stand before',
        at(
          'incidents/early-answers',
          'a guarded page that is sent piece by piece keeps its session, its cookie and its login',
        ),
        at('flows/one-command', 'does not hold a response back: it leaves in one piece'),
      ),
      held(
        'old and new processes beside one another',
        'a record of a newer version is nobody, and is left alone',
        at('session/login-record', 'of a newer version is known as such, whatever it looks like'),
        at('session/vault', 'of a newer version are left alone'),
        at('logins/finish', 'is a login in a session of its own'),
      ),
      held(
        'the secret is changed',
        'the former one opens while it is listed',
        at('core/seal', 'opens under any secret of the list, and is sealed under the first'),
        at('flows/callback', 'is taken under a former secret, as long as that is listed'),
        at('session/vault', 'outlive a change of the secret, while the former one is on the list'),
      ),
      comes(
        'a process dies that holds the lock of a refresh',
        'the lock ends by itself',
        'refresh',
        at(
          'logins/claim',
          'of a process that died does not keep the user out: the login begins anew, with another code',
        ),
      ),
      held(
        'a logout while requests run',
        'none of them brings the login back',
        shown.comesBack,
        at('flows/nothing-comes-back', 'holds at each moment of the writing'),
      ),
      comes(
        'a logout at the provider for a session that is being made',
        'a tombstone',
        'back-channel logout',
        at('logins/finish', 'is not undone: the login begins anew'),
      ),
    ],
  },
]
