/** Advisories of frameworks of other languages. */
import { at, comes, foreign, held, rows } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const frameworks = [
  {
    title: 'Duende, IdentityServer',
    incidents: [
      held('CVE-2024-51987', 'tokens belong to a request and never to a client that is shared', shown.usersApart),
      comes('CVE-2025-26620', 'one refresh serves only who asks for the same scope and resource', 'refresh'),
      held('CVE-2024-49755', 'a token bound to a key is none without its proof', shown.boundTokens),
      held(
        'CVE-2024-39694, and scripts in a log viewer',
        'a place to return to is a path on this origin; texts in pages are escaped',
        shown.redirects,
        shown.markup,
      ),
      held(
        'GHSA-mxv6-xwqj-ww2p',
        'a pushed request is of our own client, and only its reference goes through the browser',
        at('pushed-requests-1'),
      ),
    ],
  },
  {
    title: 'Spring Security',
    incidents: [
      held('CVE-2011-2732', 'no line break gets into a header', shown.lineBreaks, shown.redirects),
      held('CVE-2018-15801', 'the issuer of a token is always compared', shown.idTokenChecks, shown.issuer),
      held(
        'CVE-2021-22119',
        'logins under way are bounded, and cost the store nothing',
        shown.fewTransactions,
        at('one-command-1'),
      ),
      held('CVE-2022-31690', 'the scope of a login is what was granted', at('granted-scope-1')),
      held('CVE-2022-22978', 'a line break in a path takes no guard off', shown.guardPaths),
      held(
        'CVE-2023-34034, CVE-2023-34035',
        'guards stand on routers and routes, not on patterns of paths',
        shown.guardStops,
        shown.guardPaths,
      ),
      held('CVE-2024-38821', 'the same for files that are served: whatever is behind a guard', shown.guardStops),
      held('CVE-2026-22753, CVE-2026-22754', 'the same for paths below a prefix', shown.guardPaths, at('prefixes-1')),
      held(
        'CVE-2024-22234, CVE-2024-22257',
        'no login, or none that can be read, is nobody',
        at('login-record-2', 'oidc-1'),
      ),
      held('CVE-2024-38827', 'nothing is compared by the language of the machine', at('source-1')),
      held(
        'CVE-2025-41232, CVE-2025-41248, CVE-2025-41249',
        'a guard counts in each shape in which it can be written',
        shown.guardStops,
      ),
      held('CVE-2026-22732', 'headers stand before anything is sent', at('early-answers-3')),
      held('CVE-2026-22748', 'no way to read a token without its checks', at('source-6'), shown.idTokenChecks),
      held('CVE-2026-22751', 'what is good once is taken in one step', shown.usedOnce, at('redis-records-1')),
      held('CVE-2026-41706', 'a place to return to is checked again when it is used', shown.storedReturn),
      held('CVE-2026-41003', 'forms of ours are escaped', shown.markup),
      held('CVE-2026-47838, CVE-2026-22747', 'a certificate is compared by its thumbprint', at('bound-tokens-6')),
    ],
  },
  {
    title: 'Microsoft: ASP.NET Core, Microsoft.Identity.Web',
    incidents: [
      held(
        'CVE-2026-40372',
        'no cookie of ours is taken with any byte changed; secrets can be changed',
        shown.sealed,
        shown.cookieBytes,
        at('seal-5'),
      ),
      held(
        'CVE-2020-1045',
        'names of cookies are not decoded, and one that comes twice is none',
        shown.cookieNames,
        at('cookies-3', 'cookies-4'),
      ),
      held('CVE-2024-21319', 'no token is decrypted', shown.noDecryption, rows('id-token-7', 'id-token-5')),
      held('CVE-2024-21643', 'no key comes from where a token says', shown.ownKeys),
      comes(
        'CVE-2019-1258',
        "a token for one user's request is never another user's",
        'refresh, tokens by resource',
        shown.usersApart,
      ),
      held('CVE-2025-32016', 'secrets are told nobody', shown.secretsTold, shown.secretsKept, at('client-auth-1')),
      foreign('CVE-2025-55315', 'requests are parsed by Node', 'no server of our own'),
      held('no number: %2F%2F as a place to return to', 'slashes are slashes, encoded too', shown.redirects),
      held('no number: a logout that any site could cause', 'another site logs nobody out', at('oidc-4', 'logout-1')),
      held('no number: browsers told by a pattern for SameSite', 'no browser is told by its name', at('source-3')),
      held(
        'no number: bound and plain tokens under one name in a cache',
        'a remembered token that is bound needs its proof at each request',
        at('bearer-dpop-1', 'bound-tokens-1'),
        shown.boundTokens,
      ),
    ],
  },
]
