/** Specs that answer to many incidents, by what they show. */
import { at, rows } from '../incident.js'

export const redirects = [
  ...at('attacks/redirects', 'a hostile target stays on this origin', 'whatever goes into localPath'),
  ...at('core/urls', 'a path on this origin'),
]
export const returnTo = at('attacks/redirects', 'as returnTo stays on this origin, with the base path "%s"')
export const logoutTarget = [
  ...at('attacks/redirects', 'a hostile target stays on this origin'),
  ...at('http/oidc', 'login() and logout() refuse wrong parameters, and nothing happens'),
]
export const storedReturn = at(
  'incidents/stored-return',
  'in the cookie of the login is not where it ends',
  'in the record of its use is not where a reload ends',
)
export const loginLink = [
  ...at('flows/login', 'takes nothing but returnTo from the address of the login route'),
  ...at('incidents/malformed-responses', 'begins a login and no more (200 of them)'),
]
export const malformed = at(
  'incidents/malformed-responses',
  'in the query is answered, and is no login (400 of them)',
  'in a form is answered, and is no login (200 of them)',
)
export const markup = [
  ...at(
    'attacks/markup',
    'no text becomes markup on a page of the package',
    'goes where it is told, by the link and by itself, whatever stands in the address',
  ),
  ...at('http/pages', 'escapes all that it is given, in text and in attributes'),
]
export const providerText = at('flows/callback', 'is escaped in small print, and is in detail alone')
export const sealed = at('core/seal', 'does not open with any one of its bytes changed')
export const purposes = [
  ...at('core/seal', 'does not open for another purpose'),
  ...at('attacks/transaction-cookie', 'a transaction cookie used as something else'),
]
export const cookieBytes = at('attacks/transaction-cookie', 'is none, whichever it is')
export const cookieHeader = at(
  'attacks/cookie-bombs',
  'is answered as if there were none of ours: %j',
  'of any bytes that there are neither breaks a request nor gets into another',
)
export const cookieNames = at('attacks/cookie-bombs', '%s does not stand for it')
export const bombs = at('attacks/cookie-bombs', 'thousands of cookies named like ours')
export const fewTransactions = [
  ...at('flows/login', 'is one of at most five, of which the oldest goes'),
  ...at('attacks/cookie-bombs', 'a hundred logins begun in one browser'),
]
export const identityHeaders = at(
  'attacks/host-headers',
  'logs nobody in, whatever it says and however the request comes',
  'makes nobody of a user somebody else, and gives no role',
)
export const noExemptions = at(
  'attacks/host-headers',
  'does not take the guard off: no address, path or program is exempt',
)
export const hostHeaders = at('attacks/host-headers', 'answers the same, byte for byte, whatever the headers say')
export const guardStops = at('incidents/guarded-routes', 'stops what would come after it: %s')
export const guardPaths = at(
  'incidents/guarded-routes',
  'is not got round by another spelling of the path',
  'is not got round by any path of its pieces (300 of them)',
)
export const fixation = [
  ...at('attacks/session-fixation', 'is of no use to the attacker afterwards: %s'),
  ...at('flows/callback', 'has a new session, and the old session is dead'),
]
export const usedOnce = [
  ...at('flows/callback', 'twenty times at once is used once', 'in another process too is used once'),
  ...at('races/processes', 'is used once, and leads all to the same place'),
]
export const loginCsrf = [
  ...at('attacks/login-csrf', 'by %s does not log her in as the attacker'),
  ...at('flows/callback', 'of a login that somebody else began is not finished here (login CSRF)'),
]
export const mixUp = at(
  'attacks/mix-up',
  'sends the browser on to the honest one, with its own state, gets nothing: another instance made that',
)
export const idToken = at('tokens/id-token', 'an ID token that must not be accepted')
export const idTokenChecks = at('tokens/id-token', 'refuses a token for its %s')
export const claims = at('tokens/claims', 'being %s logs in as it should, or is refused')
export const header = at('tokens/headers', 'being %s is refused where it is not as it should be')
export const ownKeys = at('tokens/headers', 'in jwk is not used', 'by way of %s is neither fetched nor used')
export const algorithms = [
  ...at('tokens/id-token', 'are those of its list that are asymmetric'),
  ...at('provider/misbehaving', 'and whose signature is %s logs nobody in'),
]
export const noDecryption = at(
  'incidents/source',
  'decrypt no token, and take none that is signed with a secret or not at all',
)
export const sizes = [
  ...at('provider/http-client', 'take a megabyte and no more'),
  ...at('provider/members', 'with %s of two megabytes is a fault of the provider'),
]
export const issuer = rowsOf(
  'provider/discovery',
  '%s: no login is begun',
  undefined,
  'of another issuer',
  'of the issuer with a slash more',
)
export const comesBack = [
  ...at('flows/nothing-comes-back', 'and overlaps a logout does not log in again, nor bring back data'),
  ...at('session/redis-session-store', 'that was read and then deleted %s brings nothing back'),
  ...at('races/processes', 'is final in all, whatever others read and write meanwhile'),
]
export const storeDown = [
  ...rowsOf('faults/store', '%s', 'faults/rows.ts', 'Redis is killed', 'Redis is paused', 'Redis is out of memory'),
  ...at('flows/store-faults', 'of a page is a page with 503; afterwards the user is as logged in as before'),
]
export const providerDown = [
  ...rowsOf('faults/provider', '%s', 'faults/rows.ts', 'is down', 'answers 500', 'answers HTML'),
  ...at(
    'flows/provider-down',
    'the application starts and serves what is not guarded, and logs in once the provider is up',
  ),
]
export const secretsKept = at('session/vault', 'are nowhere in what is stored')
export const roleGuards = [
  ...at('guard/session-verdict', 'fails %j, at once'),
  ...at('support/guard-answers.ts', 'but lacking %s: 403 for everyone, never a redirect'),
]
export const usersApart = [
  ...at('incidents/users-apart', 'are each of their own user, in all that is asked of them at the same moment'),
  ...at('races/processes', 'never see what the other has left'),
]
export const secretsTold = at(
  'attacks/planted-secrets',
  'a day with secrets planted',
  'knows secrets of all kinds, and has looked everywhere',
)
export const lineBreaks = at(
  'attacks/header-injection',
  'no line break becomes a header',
  'no octet of a request ends a header',
)
export const caches = at(
  'attacks/caching',
  'is in no answer that a cache keeps, where a login made the session',
  'is in no answer that a cache keeps, where the login is one over another',
)
export const twice = at('attacks/duplicates', 'a second time is refused, in whatever way it comes')
export const boundTokens = [
  ...at('bound-tokens-2', 'bound-tokens-3', 'bound-tokens-7'),
  ...rows('forged-tokens-8', 'forged-tokens-6'),
]
export const otherAudience = [
  ...at('bearer-answers-2', 'bearer-options-1'),
  ...rows('forged-tokens-8', 'forged-tokens-4'),
]
export const otherPurpose = [
  ...rows('forged-tokens-8', 'forged-tokens-2', 'forged-tokens-7'),
  ...rows('forged-tokens-9', 'forged-origins-1', 'forged-origins-3', 'forged-origins-2'),
  ...at('bearer-kinds-1'),
]
export const proofsOnce = at('dpop-processes-1', 'dpop-processes-2')
