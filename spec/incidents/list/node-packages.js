/** Advisories of packages for Node, and of what stands around them. */
import { at, comes, foreign, held, rows } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const nodePackages = [
  {
    title: 'express-openid-connect, express-oauth2-jwt-bearer',
    incidents: [
      held(
        'CVE-2021-41246',
        'the id of the session is new at a login, in any store',
        shown.fixation,
        at('other-stores-1'),
      ),
      held(
        'CVE-2022-24794',
        'the address that was asked for is a path on this origin, also with two slashes',
        at('redirects-4', 'guard-answers-2'),
      ),
      held(
        'no number: a read of the store that failed logged the user out',
        'it is 503, and the user is as logged in as before',
        shown.storeDown,
      ),
      held(
        'no number: a forged Host matched the proof to another endpoint',
        'the address of a proof comes from baseUrl',
        at('bound-tokens-5'),
        shown.hostHeaders,
      ),
      held(
        'no number: a binding with further members was refused',
        'further members are no fault',
        at('bound-tokens-4'),
      ),
      held(
        'no number: with proofs switched off, bound tokens passed as plain ones',
        'a bound token is none without its proof',
        shown.boundTokens,
      ),
    ],
  },
  {
    title: 'nextjs-auth0, authkit-nextjs',
    incidents: [
      held('CVE-2021-32702', 'an error that comes by the address is not shown', at('callback-17', 'callback-18')),
      held('CVE-2021-43812', 'returnTo is a path on this origin', shown.returnTo),
      held('CVE-2025-46344', 'a login has an end, whatever the cookie says', at('logout-8', 'login-record-3')),
      held(
        'CVE-2025-48947, CVE-2025-64762',
        'what sets a cookie is kept by no cache',
        at('cookies-5'),
        shown.caches,
        at('login-2'),
      ),
      comes('CVE-2025-67490', 'a token in flight goes to whoever asked for it', 'refresh', shown.usersApart),
      held('CVE-2025-67716', 'nothing in returnTo becomes a parameter of the authorization request', shown.loginLink),
      comes('CVE-2026-40155', 'a retried request gets its own answer', 'refresh (DPoP nonces)'),
      held(
        'no number (#2707): max_age of one login was forgotten',
        'what a login asked for is checked when it comes back',
        at('id-token-9', 'misbehaving-5'),
      ),
      held(
        'no number (#2530): a save brought back the session that a logout had ended',
        'no save undoes a logout',
        shown.comesBack,
      ),
      held(
        'no number (#2651): cookies deleted with other attributes stayed',
        'a cookie is taken away as it was set',
        at('cookies-6'),
      ),
      held('no number (#2077): cookies of logins under way piled up', 'they are five at most', shown.fewTransactions),
    ],
  },
  {
    title: 'next-auth, Auth.js',
    incidents: [
      held(
        'CVE-2022-24858, CVE-2022-29214',
        'a place to return to stays on this origin',
        shown.redirects,
        shown.returnTo,
      ),
      held('CVE-2022-31093', 'one that is no URL crashes nothing', shown.redirects, at('malformed-responses-3')),
      foreign('CVE-2022-31127, CVE-2022-35924', 'no mail is sent', 'no login by mail'),
      held(
        'CVE-2023-27490',
        'state, nonce and PKCE always, and all three are checked',
        at('login-3'),
        shown.loginCsrf,
        at('login-csrf-2'),
      ),
      held('CVE-2023-48309', 'what was sealed for one purpose is nothing for another', shown.purposes),
      held('CVE-2026-73418', 'malformed percent signs crash nothing', at('token-properties-1'), shown.malformed),
      held(
        'CVE-2026-73419',
        'a login begun with one provider is finished with no other',
        shown.mixUp,
        at('instances-3'),
      ),
      foreign('CVE-2026-73420', 'users are named by issuer and subject, as they come', 'no addresses are compared'),
      held(
        'CVE-2026-73421',
        'only true passes: no object, no error',
        at('session-verdict-3', 'session-verdict-2', 'guard-answers-4'),
      ),
    ],
  },
  {
    title: 'keycloak-connect, passport',
    incidents: [
      held('CVE-2017-7474', 'a token that is not valid is no login', shown.idToken, shown.header),
      comes('CVE-2019-10157', 'who asks for a logout shows a token that is verified', 'back-channel logout'),
      held('CVE-2020-1694', 'the audience of a Bearer token is compared', shown.otherAudience),
      held('CVE-2022-2237', 'prompt=none ends on this origin', at('silent-login-2'), shown.redirects),
      held(
        'CVE-2022-25896',
        'the session has a new id after a login and none of the former after a logout',
        shown.fixation,
        at('logout-6'),
      ),
      held('CVE-2021-41580', 'an error with status 200 is no success', at('false-success-1')),
      held('CVE-2016-7191', 'the issuer is one, and compared to the letter', shown.issuer, at('client-1')),
      held(
        'CVE-2019-19723',
        'no user and no token is kept where another request could find it',
        shown.usersApart,
        at('source-5'),
      ),
      held('CVE-2019-13483', 'the signature of an ID token is verified', shown.idToken, shown.algorithms),
      foreign('no number: signatures that wrapped other content', 'no XML', 'no SAML, no WS-Federation'),
    ],
  },
  {
    title: 'jose, jsonwebtoken and their like',
    incidents: [
      held('CVE-2021-29443 to CVE-2021-29446', 'no token is decrypted', shown.noDecryption),
      held('CVE-2022-36083', 'no algorithm that is as slow as the token says', shown.noDecryption, shown.header),
      held('CVE-2024-28176', 'no token is inflated', shown.noDecryption),
      held('CVE-2015-9235', 'a public key is never a secret', rows('id-token-7', 'id-token-3'), shown.algorithms),
      held(
        'CVE-2022-23539',
        'a key verifies by the algorithms of its kind, and of a length that is enough',
        at('key-members-1', 'key-members-2'),
      ),
      held('CVE-2022-23540', 'unsigned is never signed', rows('id-token-7', 'id-token-2'), shown.algorithms),
      held('CVE-2022-23541', 'the algorithm comes from a list of asymmetric ones', shown.algorithms),
      held(
        'CVE-2016-1000223',
        'alg none is refused, however it is spelt',
        rows('headers-4', 'headers-1', 'headers-2', 'headers-3'),
      ),
      held('CVE-2025-65945', 'nothing is verified by a secret', shown.algorithms),
      held('CVE-2020-15084', 'algorithms are always given', at('id-token-19')),
      held('CVE-2018-0114', 'a key that the token brings is not used', shown.ownKeys),
      held('CVE-2017-16007', 'points off the curve verify nothing', at('key-members-4'), shown.noDecryption),
      held('CVE-2023-25653', 'no curve arithmetic of our own', shown.noDecryption),
      held(
        'CVE-2023-48223, CVE-2026-34950',
        'no key is told by how its text looks: keys are JSON of a kind',
        at('key-members-1'),
      ),
      held(
        'CVE-2026-35039',
        'what was verified is remembered by the whole token',
        at('remembered-tokens-1', 'remembered-tokens-2'),
      ),
      held(
        'CVE-2026-35040, CVE-2026-35041',
        'no regular expression remembers where it was, or is made of what comes in',
        at('source-2'),
      ),
      held(
        'CVE-2026-35042',
        'a critical header that nobody knows is refused',
        rows('id-token-7', 'id-token-6'),
        shown.header,
      ),
      held('CVE-2026-44351', 'no secret verifies a token, an empty one neither', shown.algorithms),
    ],
  },
  {
    title: 'Express and what it builds on',
    incidents: [
      held('CVE-2023-31999', 'state is another for each login', at('login-3', 'state-1')),
      held(
        'CVE-2024-29041, CVE-2024-43796',
        'redirects are of addresses that were parsed, and have no body',
        shown.redirects,
        at('source-7'),
      ),
      held('CVE-2025-7339', 'express-session is of a release that is mended', at('source-7')),
      held(
        'CVE-2024-47764',
        'names and paths of cookies are ours, and checked at construction',
        at('options-2', 'source-8'),
      ),
    ],
  },
  {
    title: 'Keycloak, and others',
    incidents: [
      comes('CVE-2026-1035', 'a login never refreshes twice at once', 'refresh'),
      held('CVE-2026-11800', 'an algorithm that was not announced is refused', rows('id-token-7', 'id-token-4')),
      foreign('CVE-2026-18963', 'accounts are the provider\u2019s', 'a flaw of the server alone'),
      held('CVE-2023-1584', 'tokens travel by https, or on loopback', at('http-client-1', 'own-fetch-2')),
      held('CVE-2025-68158, CVE-2026-28498', 'a login is finished in the browser that began it', shown.loginCsrf),
      held(
        'CVE-2025-4144',
        'every code is asked for with a challenge, and exchanged with its verifier',
        at('login-4', 'metadata-members-1'),
      ),
    ],
  },
]
