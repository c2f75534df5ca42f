/** Advisories of packages for Node and of related software. */
import { at, foreign, held, rows } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const nodePackages = [
  {
    title: 'express-openid-connect, express-oauth2-jwt-bearer',
    incidents: [
      held('CVE-2021-41246', 'a login changes the session id, with any store', shown.fixation, at('other-stores-1')),
      held(
        'CVE-2022-24794',
        'the requested URL is used as a path on this origin, even with two slashes',
        at('redirects-4', 'guard-answers-2'),
      ),
      held(
        'no CVE number: a failed store read logged the user out',
        'the response is 503, and the user is as logged in as before',
        shown.storeDown,
      ),
      held(
        'no CVE number: with a forged Host, a proof for another endpoint matched',
        'the expected URL of a proof comes from baseUrl',
        at('bound-tokens-5'),
        shown.hostHeaders,
      ),
      held(
        'no CVE number: a confirmation claim with additional members was rejected',
        'additional members are accepted',
        at('bound-tokens-4'),
      ),
      held(
        'no CVE number: with proofs disabled, bound tokens were accepted as plain ones',
        'a bound token is rejected without its proof',
        shown.boundTokens,
      ),
    ],
  },
  {
    title: 'nextjs-auth0, authkit-nextjs',
    incidents: [
      held('CVE-2021-32702', 'an error from the URL is not shown', at('callback-17', 'callback-18')),
      held('CVE-2021-43812', 'returnTo is a path on this origin', shown.returnTo),
      held('CVE-2025-46344', 'a login expires, whatever the cookie says', at('logout-8', 'login-record-3')),
      held(
        'CVE-2025-48947, CVE-2025-64762',
        'no cache keeps a response that sets a cookie',
        at('cookies-5'),
        shown.caches,
        at('login-2'),
      ),
      held(
        'CVE-2025-67490',
        'a token request in flight serves only its own caller',
        at('refresh-3', 'other-tokens-3', 'dpop-login-1'),
        shown.usersApart,
      ),
      held('CVE-2025-67716', 'nothing in returnTo becomes a parameter of the authorization request', shown.loginLink),
      held('CVE-2026-40155', 'a retried request gets its own response', at('dpop-login-1')),
      held(
        'no CVE number (#2707): max_age of a login was forgotten',
        'what a login requested is checked when it returns',
        at('id-token-9', 'misbehaving-5'),
      ),
      held(
        'no CVE number (#2530): a save brought back the session that a logout had ended',
        'no save undoes a logout',
        shown.comesBack,
      ),
      held(
        'no CVE number (#2651): cookies deleted with different attributes remained',
        'a cookie is deleted with the attributes that it was set with',
        at('cookies-6'),
      ),
      held(
        'no CVE number (#2077): cookies of logins in progress accumulated',
        'there are at most 24, or more that began within a minute, in 3600 characters',
        shown.fewTransactions,
      ),
    ],
  },
  {
    title: 'next-auth, Auth.js',
    incidents: [
      held('CVE-2022-24858, CVE-2022-29214', 'a return target stays on this origin', shown.redirects, shown.returnTo),
      held(
        'CVE-2022-31093',
        'a return target that is not a URL crashes nothing',
        shown.redirects,
        at('malformed-responses-3'),
      ),
      foreign('CVE-2022-31127, CVE-2022-35924', 'no mail is sent', 'no login by mail'),
      held(
        'CVE-2023-27490',
        'state, nonce and PKCE are always used, and all three are checked',
        at('login-3'),
        shown.loginCsrf,
        at('login-csrf-2'),
      ),
      held('CVE-2023-48309', 'a value sealed for one purpose does not open for another', shown.purposes),
      held('CVE-2026-73418', 'malformed percent-encoding crashes nothing', at('token-properties-1'), shown.malformed),
      held(
        'CVE-2026-73419',
        'a login begun with one provider cannot be finished with another',
        shown.mixUp,
        at('instances-3'),
      ),
      foreign('CVE-2026-73420', 'users are identified by issuer and subject, unmodified', 'no addresses are compared'),
      held(
        'CVE-2026-73421',
        'a check passes only by returning true, not an object and not with an error',
        at('session-verdict-3', 'session-verdict-2', 'guard-answers-4'),
      ),
    ],
  },
  {
    title: 'keycloak-connect, passport',
    incidents: [
      held('CVE-2017-7474', 'an invalid token logs nobody in', shown.idToken, shown.header),
      held(
        'CVE-2019-10157',
        'a logout request needs a token, which is verified',
        at('backchannel-logout-13', 'backchannel-logout-11', 'backchannel-logout-6'),
      ),
      held('CVE-2020-1694', 'the audience of a Bearer token is compared', shown.otherAudience),
      held('CVE-2022-2237', 'prompt=none ends on this origin', at('silent-login-2'), shown.redirects),
      held(
        'CVE-2022-25896',
        'a login changes the session id, and a logout leaves nothing of the former session',
        shown.fixation,
        at('logout-6'),
      ),
      held('CVE-2021-41580', 'an error with status 200 is not a success', at('false-success-1')),
      held('CVE-2016-7191', 'there is one issuer, compared exactly', shown.issuer, at('client-1')),
      held(
        'CVE-2019-19723',
        'no user or token is kept where another request could find it',
        shown.usersApart,
        at('source-5'),
      ),
      held('CVE-2019-13483', 'the signature of an ID token is verified', shown.idToken, shown.algorithms),
      foreign('no CVE number: signature wrapping around other content', 'no XML', 'no SAML, no WS-Federation'),
    ],
  },
  {
    title: 'jose, jsonwebtoken and their like',
    incidents: [
      held('CVE-2021-29443 to CVE-2021-29446', 'no token is decrypted', shown.noDecryption),
      held('CVE-2022-36083', 'no algorithm lets the token set the cost', shown.noDecryption, shown.header),
      held('CVE-2024-28176', 'no token is inflated', shown.noDecryption),
      held(
        'CVE-2015-9235',
        'a public key is never used as a secret',
        rows('id-token-7', 'id-token-3'),
        shown.algorithms,
      ),
      held(
        'CVE-2022-23539',
        'a key verifies only with algorithms of its type, and only if it is long enough',
        at('key-members-1', 'key-members-2'),
      ),
      held(
        'CVE-2022-23540',
        'an unsigned token never counts as signed',
        rows('id-token-7', 'id-token-2'),
        shown.algorithms,
      ),
      held('CVE-2022-23541', 'the algorithm comes from a list of asymmetric algorithms', shown.algorithms),
      held(
        'CVE-2016-1000223',
        'alg none is rejected in any spelling',
        rows('headers-4', 'headers-1', 'headers-2', 'headers-3'),
      ),
      held('CVE-2025-65945', 'nothing is verified with a secret', shown.algorithms),
      held('CVE-2020-15084', 'algorithms are always specified', at('id-token-19')),
      held('CVE-2018-0114', 'a key inside the token is not used', shown.ownKeys),
      held('CVE-2017-16007', 'keys with points off the curve verify nothing', at('key-members-4'), shown.noDecryption),
      held('CVE-2023-25653', 'the package has no elliptic-curve arithmetic of its own', shown.noDecryption),
      held(
        'CVE-2023-48223, CVE-2026-34950',
        'no key type is guessed from a text: keys are JWKs with a type',
        at('key-members-1'),
      ),
      held(
        'CVE-2026-35039',
        'a verified token is cached by its complete text',
        at('remembered-tokens-1', 'remembered-tokens-2'),
      ),
      held('CVE-2026-35040, CVE-2026-35041', 'no regular expression is stateful or built from input', at('source-2')),
      held('CVE-2026-35042', 'an unknown critical header is rejected', rows('id-token-7', 'id-token-6'), shown.header),
      held('CVE-2026-44351', 'no secret verifies a token, not even an empty one', shown.algorithms),
    ],
  },
  {
    title: 'Express and its dependencies',
    incidents: [
      held('CVE-2023-31999', 'state differs for each login', at('login-3', 'state-1')),
      held(
        'CVE-2024-29041, CVE-2024-43796',
        'redirects use parsed URLs and have no body',
        shown.redirects,
        at('source-7'),
      ),
      held('CVE-2025-7339', 'a fixed release of express-session is required', at('source-7')),
      held(
        'CVE-2024-47764',
        'cookie names and paths come from the package, and are checked at construction',
        at('options-2', 'source-8'),
      ),
    ],
  },
  {
    title: 'Keycloak, and others',
    incidents: [
      held('CVE-2026-1035', 'a login never refreshes twice at the same time', shown.oneRefresh),
      held('CVE-2026-11800', 'an algorithm that was not announced is rejected', rows('id-token-7', 'id-token-4')),
      foreign('CVE-2026-18963', 'accounts belong to the provider', 'a flaw of the server only'),
      held('CVE-2023-1584', 'tokens are sent over https, or on loopback', at('http-client-1', 'own-fetch-2')),
      held('CVE-2025-68158, CVE-2026-28498', 'a login is finished in the browser that began it', shown.loginCsrf),
      held(
        'CVE-2025-4144',
        'every code is requested with a challenge, and exchanged with its verifier',
        at('login-4', 'metadata-members-1'),
      ),
    ],
  },
]
