/** How others behave when something fails, and what is required here. */
import { at, held, rows } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const faults = [
  {
    title: 'Behavior under fault',
    incidents: [
      held(
        'the provider is down at startup',
        'the application starts; logins get 503 until the provider is up, and sessions continue',
        shown.providerDown,
        at('oidc-5'),
      ),
      held(
        'discovery fails later',
        'the cached metadata stays in use, and an event reports the fault',
        at('discovery-5'),
      ),
      held(
        'the key set is unavailable',
        'the cached keys are used for a day; without any, the response is 503',
        at('keys-3', 'keys-4', 'keys-5'),
      ),
      held('keys are rotated', 'the new key is fetched immediately and once', at('id-token-17', 'misbehaving-1')),
      held('a flood of unknown keys', 'one fetch per token, and one fetch at a time', at('keys-7', 'misbehaving-2')),
      held(
        'Redis is down when a session is read',
        'the response is 503, the cookie stays, and no login begins',
        shown.storeDown,
        at('guard-answers-5'),
      ),
      held(
        'Redis is down at the end of a login',
        'the response is 503, the login in progress is kept, and a retry logs in',
        at('store-faults-2', 'store-faults-1'),
      ),
      held('Redis is slow', 'a command times out', rows('store-1', 'rows-3', 'rows-4'), at('redis-records-2')),
      held('Redis lost the latest writes', 'the user logs in again, without a loop', rows('store-1', 'rows-6')),
      held(
        'the replay store is down',
        'a token or proof that cannot be recorded is rejected',
        at('backchannel-logout-14', 'backchannel-logout-15', 'bound-tokens-8'),
        shown.proofsOnce,
      ),
      held(
        'clocks differ',
        'a difference of up to 30 seconds is tolerated, unless configured otherwise',
        at('id-token-10', 'claims-1', 'options-1'),
      ),
      held('refreshes race within a process', 'one refresh serves all callers', at('refresh-1', 'single-flight-2')),
      held(
        'refreshes race between processes',
        'a lock and compare-and-set keep them apart',
        at('refresh-processes-1', 'refresh-2', 'refresh-6', 'refresh-9'),
      ),
      held('the provider fails during a refresh', 'the login remains', at('refresh-7', 'refresh-8', 'recheck-3')),
      held(
        'the response to a refresh is lost',
        'the next refresh is rejected, which ends the login; a login without a prompt follows',
        at('refresh-10'),
      ),
      held(
        'an authorization response comes again: reload, back button, double click',
        'it leads to the same page, and the code is used once',
        at('callback-3', 'callback-5', 'tabs-2'),
      ),
      held('a code is redeemed twice', 'the use of the response is recorded first', shown.usedOnce, at('claim-1')),
      held(
        'the cookie of a login is lost or blocked',
        'the login restarts once, then a page names the likely causes',
        at('callback-8', 'cookies-1'),
      ),
      held('a login loop', 'the loop is stopped, and a page explains why', at('callback-19', 'transaction-1')),
      held(
        'huge tokens and groups',
        'they stay on the server, and their size is bounded',
        at('claims-2', 'claims-3', 'misbehaving-6'),
      ),
      held(
        'responses that begin early',
        'the session and its cookie are written before the response begins',
        at('early-answers-1', 'one-command-2'),
      ),
      held(
        'old and new versions run side by side',
        'a record of a newer version logs nobody in, and is left unchanged',
        at('login-record-1', 'vault-2', 'finish-1'),
      ),
      held(
        'the secret is changed',
        'the former secret still opens sealed data while it is listed',
        at('seal-5', 'callback-12', 'vault-3'),
      ),
      held('a process dies while it holds a refresh lock', 'the lock expires', at('refresh-processes-2')),
      held(
        'a logout while requests run',
        'no request brings the login back',
        shown.comesBack,
        at('nothing-comes-back-2'),
      ),
      held(
        'the provider logs out a session that is being created',
        'a tombstone ends the login in progress',
        at('logged-out-meanwhile-2', 'logout-processes-1', 'finish-2'),
      ),
    ],
  },
]
