/** Faults of the older package that this one succeeds. */
import { at, comes, held, rowsOf } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const predecessor = [
  {
    title: 'The older package',
    incidents: [
      held(
        'the nonce was wanted in all tokens, so that no login at a current Keycloak worked',
        'it is looked for in the ID token alone',
        at('tokens/access-token', '%s is read once verified'),
        at('keycloak/login', 'lets a wrong password in nowhere, and the right one to the page that was asked for'),
      ),
      held('no PKCE', 'always', at('flows/login', 'has state, nonce and an S256 code challenge, new ones each time')),
      held(
        'no state, or one for all, never compared',
        'one for each login, and only ours',
        at('session/state', 'is taken by the instance that made it alone'),
        at('flows/callback', 'is refused without a restart: %s'),
      ),
      held(
        'a state of another provider logged in',
        'it does not',
        at('flows/instances', 'does not take the state of the other with its own code'),
      ),
      held(
        'a victim could be logged in as the attacker',
        'a login is finished in the browser that began it',
        shown.loginCsrf,
      ),
      held(
        'one nonce for a session: two tabs were an error',
        'one for each login',
        at('flows/login', 'lets two tabs finish both, each where it began'),
        at('browser/tabs', 'ends two logins that overlap in two tabs each at its own page'),
      ),
      held(
        'two providers at once were an error',
        'they are not',
        at('flows/instances', 'takes its response while a login with the other is under way'),
        at('browser/providers', 'takes the logins of two tabs at two providers, begun before either ends'),
      ),
      held(
        'a forged, unsigned or foreign ID token logged in',
        'it is verified before anybody is logged in',
        shown.idToken,
        shown.header,
        shown.ownKeys,
      ),
      held('the id of the session stayed', 'it is new', shown.fixation),
      held(
        'the next user found what the former one had left',
        'an empty session',
        at('flows/callback', 'of another user has an empty session'),
        at('session/identity-change', 'whose session it is after a login'),
      ),
      held(
        'each visit of the login route left a key in Redis for a month',
        'it leaves none',
        at(
          'flows/one-command',
          'is nothing where nobody is logged in: visitors of pages for everyone, guarded pages, the login itself',
        ),
      ),
      held(
        'tokens in clear in Redis',
        'they are sealed',
        shown.secretsTold,
        shown.secretsKept,
        at(
          'keycloak/tokens',
          'keeps them sealed: no key and no value in Redis, no cookie, page or event has a part of one',
        ),
      ),
      held(
        'tokens in a cookie',
        'in none',
        at('flows/other-stores', 'carry no user and no token: those are in records of their own, the tokens sealed'),
      ),
      comes(
        'logged in for a month with tokens that had ended',
        'a login has an end, and is rechecked',
        'refresh and recheck',
        at('flows/logout', 'maxLoginSeconds'),
      ),
      held('a slow request after a logout logged in again', 'it does not', shown.comesBack),
      held(
        'members that a provider may leave out were errors',
        'they are not',
        at('provider/token-endpoint', 'a token response that is odd but good'),
        at('logins/finish', 'is one all the same'),
      ),
      held(
        'an opaque access token was an error',
        'it is not looked into',
        at('logins/roles', 'reads the ID token where the access token is opaque'),
      ),
      held(
        'of two instances with the same routes the first won',
        'that is a mistake that is named',
        at('flows/instances', 'by the route %s are a mistake'),
      ),
      held(
        'two instances with one client failed at start',
        'names tell them apart',
        at('flows/instances', 'by their name are a mistake', 'have routes of their own'),
      ),
      held(
        'an option that nothing read',
        'an option that is not known is refused',
        at('config/options', 'say what an unknown one was meant to be', 'make no guess where nothing is near'),
      ),
      held(
        'the error of userinfo was taken for the user',
        'it is not',
        at('incidents/false-success', '%s is no login'),
        rowsOf('logins/roles', '%s is no login', undefined, 'with status 403'),
      ),
      held(
        'the subject of userinfo was not compared',
        'it is',
        rowsOf('logins/roles', '%s is no login', undefined, 'of another subject', 'without subject'),
        at('provider/members', 'about a subject that is %s is refused'),
      ),
      held(
        'a logout left the session',
        'it ends it',
        at(
          'flows/logout',
          'the old cookie is anonymous, and what was in the session is gone',
          'nothing of the login is left in the store',
        ),
      ),
      held(
        'where a logout led was neither checked nor encoded',
        'it is both',
        shown.logoutTarget,
        at('flows/logout', 'leads back to postLogoutRedirect, and from there where logout() says'),
      ),
      comes('revocation sent no client secret', 'it authenticates', 'revocation'),
      comes('back-channel logout answered 500 to every token', '200 where the session is ended', 'back-channel logout'),
      comes('back-channel logout took wrong events, nonces, issuers, times and replays', '400', 'back-channel logout'),
      comes(
        'back-channel logout refused tokens of the standard, and took a missing one',
        'the standard',
        'back-channel logout',
      ),
      held(
        'the sid of tokens was the session cookie',
        'the id of a session is in no token',
        at('attacks/session-fixation', 'is of no use to the attacker afterwards: %s'),
        at('provider/misbehaving', 'in sid stay as they are, and the login ends as any other'),
      ),
      held('a provider that was down stopped the start, or was an error', '503, and it recovers', shown.providerDown),
      held(
        'a page in place of JSON was an error',
        '503',
        rowsOf('faults/provider', '%s', 'faults/rows.ts', 'answers HTML'),
      ),
      held('the issuer of metadata was not compared', 'it is', shown.issuer),
      held(
        'keys were never fetched again',
        'they are',
        at(
          'tokens/keys',
          'are fetched anew at once for a key that is not among them, however lately they were fetched',
        ),
      ),
      held(
        'an error in the address was a script in the page',
        'it is escaped, or not shown at all',
        at(
          'flows/callback',
          'that is itself a script is escaped',
          'that anybody can put into the address is not shown, where the state is not ours',
        ),
      ),
      held(
        'a user who cancelled was an error',
        'a page with a way to log in',
        at('flows/callback', 'access_denied is a 403 page with a way to log in'),
      ),
      held(
        'a response that came again, or without code or cookie, was an error',
        'each has its answer',
        at(
          'flows/callback',
          'by a reload leads where it went, with one token request',
          'without a code logs nobody in',
          'begins the login once more, then answers 400 and names the likely causes',
        ),
      ),
      held(
        'the redirect URI came from Host',
        'from baseUrl',
        shown.hostHeaders,
        at('flows/login', 'takes the redirect URI from baseUrl, whatever Host and forwarded headers say'),
      ),
      held('the forwarded port came twice', 'forwarded headers make no address', shown.hostHeaders),
      held(
        'whole tokens in the log',
        'none',
        at('tokens/id-token', 'keeps the token and its claims out of the error'),
        shown.secretsTold,
        shown.secretsKept,
      ),
      held(
        'Bearer tokens of any issuer, audience and age were taken',
        'each is checked',
        rowsOf('attacks/forged-tokens', 'by %s', undefined, 'somebody else', 'its issuer', 'its times'),
        shown.otherAudience,
      ),
      held(
        'ID, refresh and logout tokens were taken as Bearer tokens',
        'a token is for its purpose',
        shown.otherPurpose,
      ),
      held(
        'tokens bound to a key were taken as plain ones',
        'a bound token is none without its proof',
        shown.boundTokens,
      ),
      held(
        'critical headers that nobody knew, and keys for encryption, were taken',
        'they are not',
        rowsOf('tokens/id-token', '%s', undefined, 'with a critical header that nobody knows'),
        at('tokens/keys', 'for encryption do not verify signatures'),
      ),
      held(
        'keys that were rotated away went on verifying',
        'a set is replaced as a whole',
        at('tokens/id-token', 'keys of the provider that change'),
        at('tokens/keys', 'that are older than a day serve no more'),
      ),
      held(
        'tokens of a new key, or where a key of another kind stood first, were refused',
        'the key that fits is found',
        at('tokens/key-members', 'the key that fits'),
        rowsOf(
          'tokens/id-token',
          '%s logs in',
          undefined,
          'beside keys of all kinds',
          'with at_hash and unknown claims',
        ),
      ),
      held(
        'no leeway for clocks',
        'half a minute',
        rowsOf(
          'tokens/id-token',
          '%s logs in',
          undefined,
          'of a clock that is a little ahead',
          'of a clock that is a little behind',
        ),
      ),
      held(
        'no WWW-Authenticate',
        'as RFC 6750 has it',
        at(
          'flows/bearer-answers',
          '401 without an error code, and no event (RFC 6750 3.1)',
          '403 with the scope that is needed',
        ),
        at('docs/apis', 'shows each answer as it is'),
      ),
      held('the guard of the example never ran', 'the guard is shipped, and counts in each shape', shown.guardStops),
    ],
  },
]
