/** Advisories of authenticating proxies: mod_auth_openidc and oauth2-proxy. */
import { at, comes, foreign, held, rows } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const proxies = [
  {
    title: 'mod_auth_openidc',
    incidents: [
      held(
        'CVE-2017-6059',
        'texts of the provider are never put into an error page as they are',
        shown.providerText,
        shown.markup,
      ),
      held(
        'CVE-2017-6062, CVE-2017-6413',
        'no header that a client sends says who the user is, with any method',
        shown.identityHeaders,
      ),
      held('CVE-2019-1010247', 'no parameter gets into a script, since no page has one', at('pages-3'), shown.markup),
      held('CVE-2019-14857, CVE-2019-20479', 'where a logout ends is checked as any other place', shown.logoutTarget),
      held('CVE-2021-20718', 'a malformed authorization response crashes nothing', shown.malformed),
      held('CVE-2021-32785', 'nothing from outside gets into a key or a script of Redis', at('redis-keys-1')),
      held(
        'CVE-2021-32786',
        'a backslash in a place to return to is refused, and what is left is read as browsers read it',
        shown.redirects,
      ),
      held(
        'CVE-2021-32791',
        'what is sealed has a nonce of its own, and is bound to what it is for',
        at('seal-1', 'seal-3'),
      ),
      held(
        'CVE-2021-32792',
        'a form that needs a login is neither kept nor written into a page',
        at('guarded-routes-4'),
      ),
      held(
        'CVE-2021-39191',
        'a link from elsewhere names no place to land at, but by returnTo, which is checked',
        shown.loginLink,
        shown.returnTo,
      ),
      held(
        'CVE-2022-23527',
        'control characters in a place to return to are refused, raw and encoded',
        shown.redirects,
      ),
      held('CVE-2023-28625', 'a malformed Cookie header crashes nothing', shown.cookieHeader),
      held(
        'CVE-2024-24814',
        'no count that a cookie gives is believed, and few cookies are looked at',
        shown.bombs,
        shown.fewTransactions,
      ),
      held('CVE-2025-31492', 'once a guard has answered nothing behind it runs', shown.guardStops),
      held(
        'CVE-2026-54789',
        'the reading of cookies stands whatever is between the semicolons',
        shown.cookieHeader,
        at('cookies-2'),
      ),
      held('GHSA-wcvh-g65p-v576', 'a Bearer token is good only for an audience that is named', shown.otherAudience),
      held('no number: the session kept its id at a login', 'the id is new at each login', shown.fixation),
      comes(
        'no number: a refreshed ID token was taken unverified',
        'it is verified, of the same issuer and subject',
        'refresh',
      ),
      comes(
        'no number: front-channel logout revoked tokens for anybody',
        'it ends only a login whose session asks',
        'front-channel logout',
      ),
      held(
        'no number: state or code twice in a response',
        'a parameter of the response that comes twice is refused',
        shown.twice,
        at('callback-13', 'form-post-1'),
      ),
      held(
        'no number: a link from elsewhere added scope and parameters',
        'the address of the login route gives nothing but where to return to',
        shown.loginLink,
      ),
      comes('no number: logout tokens without iat or jti', 'they are refused', 'back-channel logout'),
      comes(
        'no number: replays remembered shorter than tokens were accepted',
        'marks outlive what they mark',
        'back-channel logout',
      ),
      held(
        'no number: secrets in debug logs',
        'no event, error or page has a secret in it',
        shown.secretsTold,
        shown.secretsKept,
        at('events-1'),
      ),
      held(
        'no number: identity headers passed on for OPTIONS',
        'no method makes a header an identity, nor takes a guard off',
        shown.identityHeaders,
        shown.guardStops,
      ),
      held(
        'no number: userinfo that is a list',
        'userinfo is an object about the user of the ID token, or no login',
        at('members-4'),
      ),
      held(
        'no number: exp 1e300, and times beyond 2038',
        'times are numbers of any size that are compared, and what is kept of them is a date',
        shown.claims,
        at('members-1'),
      ),
      held(
        'no number: bombs in encrypted or deflated tokens',
        'nothing is decrypted or inflated, and answers are bounded',
        shown.noDecryption,
        shown.sizes,
      ),
      held(
        'no number: hosts compared by their ends',
        'origins and issuers are compared whole',
        at('origin-1'),
        shown.issuer,
      ),
      foreign('no number: session_state in an iframe page', 'no such page', 'no session management by iframes'),
      held(
        'no number: expires_in as text, so that each request refreshed',
        'it is read as the number that it says',
        rows('token-endpoint-4', 'token-endpoint-5'),
      ),
      held(
        'no number: seconds taken for microseconds',
        'times in a record are seconds, within the login',
        shown.claims,
        at('login-record-3'),
      ),
      comes(
        'no number: dropping the old session dropped the index of the new one',
        'the index of a user follows the login',
        'listing of logins',
      ),
      held(
        'no number: a storm of key fetches while the cache is down',
        'keys are fetched once at a time, and no more than once for a token',
        at('keys-1', 'keys-7'),
      ),
      held(
        'no number: a stale state led round in circles',
        'a login whose cookie is missing begins anew once, then says why',
        at('callback-8', 'transaction-cookie-3'),
      ),
    ],
  },
  {
    title: 'oauth2-proxy',
    incidents: [
      held('CVE-2020-5233', 'a slash and a backslash lead nowhere else', shown.redirects, shown.returnTo),
      held('CVE-2020-11053', 'encoded white space leads nowhere else', shown.redirects),
      held(
        'CVE-2020-4037',
        'no other spelling does either: a corpus and properties',
        shown.redirects,
        at('redirects-1'),
      ),
      held(
        'CVE-2021-21291',
        'no allow-list of hosts: a target is a path, an origin is listed whole',
        at('options-3'),
        shown.redirects,
      ),
      held('CVE-2021-21411', 'each condition of a rule can fail', shown.roleGuards),
      held(
        'CVE-2025-54576',
        'no public route is found by a pattern: guards stand on routes, whatever the query',
        shown.guardPaths,
      ),
      held('CVE-2025-64484', 'identity headers count for nothing, with hyphens or underscores', shown.identityHeaders),
      held('CVE-2026-34457', 'no User-Agent takes a guard off', shown.noExemptions, at('source-3')),
      held('CVE-2026-40575', 'no forwarded address decides who may', shown.noExemptions),
      held('CVE-2026-41059', 'a fragment in a path takes no guard off', shown.guardPaths, shown.noExemptions),
      foreign('CVE-2026-40574', 'users are named by issuer and subject', 'no rule about domains of email addresses'),
      held('GHSA-f24x-5g9q-753f', 'a login makes the old session dead', shown.fixation),
      held('GHSA-63jm-59jj-478j', 'nobody passes a guard who is not logged in', shown.guardStops, shown.guardPaths),
      held('GHSA-wr5q-7wxw-x568', 'no address is exempt, least of all one that a header claims', shown.noExemptions),
      held('GHSA-hhqp-vx7f-5c6m', 'a login that fails tells no credentials', at('token-endpoint-2', 'client-auth-1')),
    ],
  },
]
