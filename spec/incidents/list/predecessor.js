/** Faults of the older package that this one succeeds. */
import { at, held, rows } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const predecessor = [
  {
    title: 'The older package',
    incidents: [
      held(
        'the nonce was required in all tokens, so that no login at a current Keycloak worked',
        'it is required in the ID token only',
        at('access-token-1', 'login-12'),
      ),
      held('no PKCE', 'PKCE is always used', at('login-3')),
      held(
        'the state was missing or shared by all logins, and never compared',
        'each login has its own state, and only our own is accepted',
        at('state-2', 'callback-11'),
      ),
      held('the state of another provider logged in', 'the state is rejected', at('instances-4')),
      held(
        'a victim could be logged in as the attacker',
        'a login is finished in the browser that began it',
        shown.loginCsrf,
      ),
      held('one nonce per session: two tabs caused an error', 'each login has its own nonce', at('login-8', 'tabs-1')),
      held(
        'two providers at once caused an error',
        'two providers work side by side',
        at('instances-5', 'providers-1'),
      ),
      held(
        'a forged, unsigned or foreign ID token logged in',
        'the token is verified before anybody is logged in',
        shown.idToken,
        shown.header,
        shown.ownKeys,
      ),
      held('the session id stayed the same', 'the session id is new', shown.fixation),
      held(
        'the next user found the data of the former one',
        'the next user gets an empty session',
        at('callback-2', 'identity-change-1'),
      ),
      held(
        'each visit to the login route left a key in Redis for a month',
        'such a visit leaves no key',
        at('one-command-1'),
      ),
      held('plaintext tokens in Redis', 'tokens are sealed', shown.secretsTold, shown.secretsKept, at('tokens-1')),
      held('tokens in a cookie', 'no cookie contains a token', at('other-stores-2')),
      held(
        'a user stayed logged in for a month with expired tokens',
        'a login expires, and is rechecked',
        at('logout-8', 'recheck-1', 'recheck-2'),
      ),
      held('a slow request after a logout logged in again', 'the user stays logged out', shown.comesBack),
      held(
        'missing optional members of the provider\u2019s responses caused errors',
        'optional members may be missing',
        at('token-endpoint-3', 'finish-3'),
      ),
      held('an opaque access token caused an error', 'an opaque token is not parsed', at('roles-2')),
      held(
        'of two instances with the same routes, the first one won',
        'an error names both instances and the route',
        at('instances-7'),
      ),
      held(
        'two instances with the same client failed at startup',
        'names distinguish them',
        at('instances-6', 'instances-1'),
      ),
      held('an option that nothing read', 'an unknown option is rejected', at('options-4', 'options-5')),
      held(
        'the error of userinfo was taken for the user',
        'an error logs nobody in',
        at('false-success-1'),
        rows('roles-3', 'roles-6'),
      ),
      held(
        'the subject of userinfo was not compared',
        'the subject is compared',
        rows('roles-3', 'roles-4', 'roles-5'),
        at('members-3'),
      ),
      held('a logout left the session', 'a logout ends the session', at('logout-4', 'logout-5')),
      held(
        'the target of a logout was neither checked nor encoded',
        'the target is checked and encoded',
        shown.logoutTarget,
        at('logout-3'),
      ),
      held('revocation sent no client secret', 'revocation authenticates the client', at('client-auth-2')),
      held(
        'back-channel logout answered 500 to every token',
        'the response is 200 if the session is ended',
        at('backchannel-logout-1', 'backchannel-logout-2'),
      ),
      held(
        'back-channel logout accepted wrong events, nonces, issuers, times and replays',
        'such a token gets 400',
        at('backchannel-logout-6', 'backchannel-logout-3'),
      ),
      held(
        'back-channel logout rejected standard tokens, and accepted a missing one',
        'back-channel logout follows the standard',
        at('backchannel-logout-1', 'backchannel-logout-2', 'backchannel-logout-9', 'backchannel-logout-13'),
      ),
      held(
        'the sid in tokens was the session cookie',
        'no token contains a session id',
        at('session-fixation-1', 'misbehaving-4'),
      ),
      held(
        'a provider that was down prevented startup, or caused an error',
        'the response is 503, and the application recovers',
        shown.providerDown,
      ),
      held('a page instead of JSON caused an error', 'the response is 503', rows('provider-1', 'rows-9')),
      held('the issuer of the metadata was not compared', 'the issuer is compared', shown.issuer),
      held('keys were never fetched again', 'keys are fetched again', at('keys-2')),
      held(
        'an error in the URL became a script in the page',
        'it is escaped, or not shown at all',
        at('callback-18', 'callback-17'),
      ),
      held('a user who canceled caused an error', 'a page offers another login', at('callback-15')),
      held(
        'a repeated response, or one without a code or cookie, caused an error',
        'each has its own response',
        at('callback-3', 'callback-14', 'callback-8'),
      ),
      held('the redirect URI came from Host', 'it comes from baseUrl', shown.hostHeaders, at('login-5')),
      held('the forwarded port appeared twice', 'no URL is built from forwarded headers', shown.hostHeaders),
      held(
        'complete tokens in the log',
        'logs contain no token',
        at('id-token-20'),
        shown.secretsTold,
        shown.secretsKept,
      ),
      held(
        'Bearer tokens of any issuer, audience and age were accepted',
        'each is checked',
        rows('forged-tokens-8', 'forged-tokens-1', 'forged-tokens-3', 'forged-tokens-5'),
        shown.otherAudience,
      ),
      held(
        'ID, refresh and logout tokens were accepted as Bearer tokens',
        'a token is valid only for its purpose',
        shown.otherPurpose,
      ),
      held(
        'tokens bound to a key were accepted as plain ones',
        'a bound token is rejected without its proof',
        shown.boundTokens,
      ),
      held(
        'unknown critical headers, and keys for encryption, were accepted',
        'both are rejected',
        rows('id-token-7', 'id-token-6'),
        at('keys-6'),
      ),
      held(
        'removed keys still verified tokens after a rotation',
        'the key set is replaced as a whole',
        at('id-token-16', 'keys-4'),
      ),
      held(
        'tokens of a new key, or in a set that began with a key of another type, were rejected',
        'the matching key is found',
        at('key-members-3'),
        rows('id-token-11', 'id-token-14', 'id-token-15'),
      ),
      held(
        'no tolerance for clock differences',
        'a difference of half a minute is tolerated',
        rows('id-token-11', 'id-token-12', 'id-token-13'),
      ),
      held(
        'no WWW-Authenticate',
        'a challenge as RFC 6750 requires',
        at('bearer-answers-1', 'bearer-answers-3', 'apis-1'),
      ),
      held(
        'the guard of the example never ran',
        'the guard is part of the package, and works in every form',
        shown.guardStops,
      ),
    ],
  },
]
