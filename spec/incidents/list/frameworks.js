/** Advisories of frameworks in other languages. */
import { at, foreign, held, rows } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const frameworks = [
  {
    title: 'Duende, IdentityServer',
    incidents: [
      held('CVE-2024-51987', 'tokens belong to a request and never to a shared client', shown.usersApart),
      held(
        'CVE-2025-26620',
        'one refresh serves only callers that request the same scope and resource',
        at('other-tokens-4', 'other-tokens-2'),
      ),
      held('CVE-2024-49755', 'a bound token is rejected without its proof', shown.boundTokens),
      held(
        'CVE-2024-39694, and scripts in a log viewer',
        'a return target is a path on this origin; text in pages is escaped',
        shown.redirects,
        shown.markup,
      ),
      held(
        'GHSA-mxv6-xwqj-ww2p',
        'a pushed request authenticates the package\u2019s own client, and only its reference passes through the browser',
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
        'logins in progress are bounded, and cost the store nothing',
        shown.fewTransactions,
        at('one-command-1'),
      ),
      held('CVE-2022-31690', 'the scope of a login is what was granted', at('granted-scope-1')),
      held('CVE-2022-22978', 'a line break in a path bypasses no guard', shown.guardPaths),
      held(
        'CVE-2023-34034, CVE-2023-34035',
        'guards are attached to routers and routes, not to path patterns',
        shown.guardStops,
        shown.guardPaths,
      ),
      held('CVE-2024-38821', 'a guard also protects static files behind it', shown.guardStops),
      held('CVE-2026-22753, CVE-2026-22754', 'a guard works below a prefix too', shown.guardPaths, at('prefixes-1')),
      held(
        'CVE-2024-22234, CVE-2024-22257',
        'a missing or unreadable login record logs nobody in',
        at('login-record-2', 'oidc-1'),
      ),
      held('CVE-2024-38827', 'no comparison depends on the locale', at('source-1')),
      held(
        'CVE-2025-41232, CVE-2025-41248, CVE-2025-41249',
        'a guard works in every form in which it can be written',
        shown.guardStops,
      ),
      held('CVE-2026-22732', 'headers are set before anything is sent', at('early-answers-3')),
      held('CVE-2026-22748', 'a token cannot be read without its checks', at('source-6'), shown.idTokenChecks),
      held('CVE-2026-22751', 'single-use values are consumed atomically', shown.usedOnce, at('redis-records-1')),
      held('CVE-2026-41706', 'a return target is checked again when it is used', shown.storedReturn),
      held('CVE-2026-41003', 'text in the package\u2019s forms is escaped', shown.markup),
      held('CVE-2026-47838, CVE-2026-22747', 'a certificate is compared by its thumbprint', at('bound-tokens-6')),
    ],
  },
  {
    title: 'Microsoft: ASP.NET Core, Microsoft.Identity.Web',
    incidents: [
      held(
        'CVE-2026-40372',
        'a cookie of the package with any changed byte is rejected; secrets can be rotated',
        shown.sealed,
        shown.cookieBytes,
        at('seal-5'),
      ),
      held(
        'CVE-2020-1045',
        'cookie names are not decoded, and a duplicate cookie counts as absent',
        shown.cookieNames,
        at('cookies-3', 'cookies-4'),
      ),
      held('CVE-2024-21319', 'no token is decrypted', shown.noDecryption, rows('id-token-7', 'id-token-5')),
      held('CVE-2024-21643', 'no key is loaded from where a token says', shown.ownKeys),
      held(
        'CVE-2019-1258',
        "a token for one user's request is never given to another user",
        at('refresh-3', 'other-tokens-3'),
        shown.usersApart,
      ),
      held('CVE-2025-32016', 'secrets are never disclosed', shown.secretsTold, shown.secretsKept, at('client-auth-1')),
      foreign('CVE-2025-55315', 'Node parses requests', 'the package has no server of its own'),
      held('no CVE number: %2F%2F as a return target', 'an encoded slash counts as a slash', shown.redirects),
      held(
        'no CVE number: any site could cause a logout',
        'another site cannot log a user out',
        at('oidc-4', 'logout-1'),
      ),
      held(
        'no CVE number: browsers recognized by a pattern for SameSite',
        'no browser is recognized by its name',
        at('source-3'),
      ),
      held(
        'no CVE number: bound and plain tokens cached under the same key',
        'a cached bound token needs its proof at each request',
        at('bearer-dpop-1', 'bound-tokens-1'),
        shown.boundTokens,
      ),
    ],
  },
]
