/** What others do when something fails, and what is required here. */
import { at, comes, held, rows } from '../incident.js'
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
        at('oidc-5'),
      ),
      held('discovery fails later', 'the metadata at hand serve, and the fault is told', at('discovery-5')),
      held(
        'the key set cannot be had',
        'the keys at hand serve for a day; without any it is 503',
        at('keys-3', 'keys-4', 'keys-5'),
      ),
      held('keys are rotated', 'the new key is fetched at once, once', at('id-token-17', 'misbehaving-1')),
      held('a flood of unknown keys', 'one fetch for a token, and one at a time', at('keys-7', 'misbehaving-2')),
      held(
        'Redis is down when a session is read',
        '503; the cookie stays, and no login is begun',
        shown.storeDown,
        at('guard-answers-5'),
      ),
      held(
        'Redis is down at the end of a login',
        '503; the login under way is kept, and a retry logs in',
        at('store-faults-2', 'store-faults-1'),
      ),
      held(
        'Redis is slow',
        'a command is given up after its time',
        rows('store-1', 'rows-3', 'rows-4'),
        at('redis-records-2'),
      ),
      held('Redis lost what was written last', 'a login again, and no circles', rows('store-1', 'rows-6')),
      comes(
        'the memory of replays is down',
        'what cannot be remembered is refused',
        'back-channel logout',
        shown.proofsOnce,
      ),
      held('clocks differ', 'by 30 seconds, unless told otherwise', at('id-token-10', 'claims-1', 'options-1')),
      comes('refreshes race in a process', 'one flight', 'refresh', at('single-flight-1')),
      comes('refreshes race between processes', 'a lock, and compare-and-set', 'refresh'),
      comes('the provider fails at a refresh', 'the login stays', 'refresh'),
      comes('the answer to a refresh is lost', 'detected; a login without a page', 'refresh'),
      held(
        'an authorization response comes again: reload, back button, double click',
        'it leads where it went, and the code is spent once',
        at('callback-3', 'callback-5', 'tabs-2'),
      ),
      held('a code is redeemed twice', 'never: a response is claimed first', shown.usedOnce, at('claim-1')),
      held(
        'the cookie of a login is lost or blocked',
        'one restart, then a page with the causes',
        at('callback-8', 'cookies-1'),
      ),
      held(
        'a login that goes round in circles',
        'it is stopped, and the page says why',
        at('callback-19', 'transaction-1'),
      ),
      held(
        'huge tokens and groups',
        'they stay on the server, and are bounded',
        at('claims-2', 'claims-3', 'misbehaving-6'),
      ),
      held('answers that begin early', 'session and cookie stand before', at('early-answers-1', 'one-command-2')),
      held(
        'old and new processes beside one another',
        'a record of a newer version is nobody, and is left alone',
        at('login-record-1', 'vault-2', 'finish-1'),
      ),
      held('the secret is changed', 'the former one opens while it is listed', at('seal-5', 'callback-12', 'vault-3')),
      comes('a process dies that holds the lock of a refresh', 'the lock ends by itself', 'refresh', at('claim-2')),
      held(
        'a logout while requests run',
        'none of them brings the login back',
        shown.comesBack,
        at('nothing-comes-back-2'),
      ),
      comes(
        'a logout at the provider for a session that is being made',
        'a tombstone',
        'back-channel logout',
        at('finish-2'),
      ),
    ],
  },
]
