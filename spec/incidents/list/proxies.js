/** Advisories of authenticating proxies: mod_auth_openidc and oauth2-proxy. */
import { at, foreign, held, rows } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const proxies = [
  {
    title: 'mod_auth_openidc',
    incidents: [
      held(
        'CVE-2017-6059',
        'text from the provider never gets into an error page unescaped',
        shown.providerText,
        shown.markup,
      ),
      held(
        'CVE-2017-6062, CVE-2017-6413',
        'no request header determines the user, with any method',
        shown.identityHeaders,
      ),
      held('CVE-2019-1010247', 'no parameter gets into a script, since no page has one', at('pages-3'), shown.markup),
      held('CVE-2019-14857, CVE-2019-20479', 'the target of a logout is checked like others', shown.logoutTarget),
      held('CVE-2021-20718', 'a malformed authorization response crashes nothing', shown.malformed),
      held('CVE-2021-32785', 'no input gets into a Redis key or script', at('redis-keys-1')),
      held(
        'CVE-2021-32786',
        'a backslash in a return target is rejected, and the rest is parsed as browsers parse it',
        shown.redirects,
      ),
      held(
        'CVE-2021-32791',
        'each sealed value has its own nonce, and is bound to its purpose',
        at('seal-1', 'seal-3'),
      ),
      held(
        'CVE-2021-32792',
        'a form that needs a login is neither stored nor written into a page',
        at('guarded-routes-4'),
      ),
      held(
        'CVE-2021-39191',
        'a link from elsewhere sets the target only through returnTo, which is checked',
        shown.loginLink,
        shown.returnTo,
      ),
      held('CVE-2022-23527', 'control characters in a return target are rejected, raw and encoded', shown.redirects),
      held('CVE-2023-28625', 'a malformed Cookie header crashes nothing', shown.cookieHeader),
      held(
        'CVE-2024-24814',
        'no count in a cookie is trusted, and only a few cookies are read',
        shown.bombs,
        shown.fewTransactions,
      ),
      held('CVE-2025-31492', 'after a guard has responded, no handler behind it runs', shown.guardStops),
      held(
        'CVE-2026-54789',
        'cookies are read correctly, whatever is between the semicolons',
        shown.cookieHeader,
        at('cookies-2'),
      ),
      held('GHSA-wcvh-g65p-v576', 'a Bearer token is accepted only for a configured audience', shown.otherAudience),
      held('no CVE number: the session kept its id at a login', 'the id is new at each login', shown.fixation),
      held(
        'no CVE number: a refreshed ID token was accepted without verification',
        'it is verified, and must have the same issuer and subject',
        at('refresh-4', 'refresh-5', 'reidentify-1', 'reidentify-2'),
      ),
      held(
        'no CVE number: front-channel logout revoked tokens for anybody',
        'it ends only the login of the requesting session',
        at('frontchannel-logout-1', 'frontchannel-logout-2', 'frontchannel-logout-3'),
      ),
      held(
        'no CVE number: duplicate state or code in a response',
        'a duplicate parameter in the response is rejected',
        shown.twice,
        at('callback-13', 'form-post-1'),
      ),
      held(
        'no CVE number: a link from elsewhere added scope and parameters',
        'the URL of the login route sets only the return target',
        shown.loginLink,
      ),
      held(
        'no CVE number: logout tokens without iat or jti',
        'they are rejected',
        rows('backchannel-logout-6', 'backchannel-logout-7', 'backchannel-logout-8'),
      ),
      held(
        'no CVE number: replays were remembered for a shorter time than tokens were accepted',
        'a used token is remembered for longer than it could be accepted',
        at('backchannel-logout-4', 'backchannel-logout-5'),
      ),
      held(
        'no CVE number: secrets in debug logs',
        'no event, error or page contains a secret',
        shown.secretsTold,
        shown.secretsKept,
        at('events-1'),
      ),
      held(
        'no CVE number: identity headers were forwarded for OPTIONS',
        'no method turns a header into an identity, or bypasses a guard',
        shown.identityHeaders,
        shown.guardStops,
      ),
      held(
        'no CVE number: userinfo as an array',
        'userinfo must be an object about the subject of the ID token, or the login fails',
        at('members-4'),
      ),
      held(
        'no CVE number: exp 1e300, and times beyond 2038',
        'times of any size are compared, and the stored time is a valid date',
        shown.claims,
        at('members-1'),
      ),
      held(
        'no CVE number: bombs in encrypted or deflated tokens',
        'nothing is decrypted or inflated, and responses are bounded',
        shown.noDecryption,
        shown.sizes,
      ),
      held(
        'no CVE number: hosts compared by their endings',
        'origins and issuers are compared as a whole',
        at('origin-1'),
        shown.issuer,
      ),
      foreign(
        'no CVE number: session_state in an iframe page',
        'there is no such page',
        'there is no session management with iframes',
      ),
      held(
        'no CVE number: expires_in as a string, so that each request refreshed',
        'it is read as the number that it contains',
        rows('token-endpoint-4', 'token-endpoint-5'),
      ),
      held(
        'no CVE number: seconds taken for microseconds',
        'times in a record are seconds, within the lifetime of the login',
        shown.claims,
        at('login-record-3'),
      ),
      held(
        'no CVE number: deleting the old session deleted the index of the new one',
        'the index of a user follows the login',
        at('logins-list-end-1', 'logins-list-end-2'),
      ),
      held(
        'no CVE number: a storm of key fetches while the cache is down',
        'only one fetch of the keys runs at a time, and at most one per token',
        at('keys-1', 'keys-7'),
      ),
      held(
        'no CVE number: an old state caused a loop',
        'a login with a missing cookie restarts once, then a page explains why',
        at('callback-8', 'transaction-cookie-3'),
      ),
    ],
  },
  {
    title: 'oauth2-proxy',
    incidents: [
      held('CVE-2020-5233', 'a slash and a backslash do not lead to another origin', shown.redirects, shown.returnTo),
      held('CVE-2020-11053', 'encoded white space does not lead to another origin', shown.redirects),
      held(
        'CVE-2020-4037',
        'no spelling of a return target leads to another origin',
        shown.redirects,
        at('redirects-1'),
      ),
      held(
        'CVE-2021-21291',
        'a target is a path, and an allowed origin is listed in full',
        at('options-3'),
        shown.redirects,
      ),
      held('CVE-2021-21411', 'each condition of a rule is enforced', shown.roleGuards),
      held(
        'CVE-2025-54576',
        'no pattern makes a route public, because guards are attached to routes',
        shown.guardPaths,
      ),
      held('CVE-2025-64484', 'identity headers have no effect, with hyphens or underscores', shown.identityHeaders),
      held('CVE-2026-34457', 'no User-Agent bypasses a guard', shown.noExemptions, at('source-3')),
      held('CVE-2026-40575', 'no forwarded address determines access', shown.noExemptions),
      held('CVE-2026-41059', 'a fragment in a path bypasses no guard', shown.guardPaths, shown.noExemptions),
      foreign(
        'CVE-2026-40574',
        'users are identified by issuer and subject',
        'there is no rule about domains of email addresses',
      ),
      held('GHSA-f24x-5g9q-753f', 'a login invalidates the old session', shown.fixation),
      held('GHSA-63jm-59jj-478j', 'nobody passes a guard without being logged in', shown.guardStops, shown.guardPaths),
      held('GHSA-wr5q-7wxw-x568', 'no address is exempt, not even one that a header claims', shown.noExemptions),
      held('GHSA-hhqp-vx7f-5c6m', 'a failed login discloses no credentials', at('token-endpoint-2', 'client-auth-1')),
    ],
  },
]
