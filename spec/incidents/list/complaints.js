/** What users of packages of this kind complained of, the commonest first. */
import { at, comes, held, rows } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const complaints = [
  {
    title: 'Complaints of users',
    incidents: [
      held(
        'the login comes back and its state is not known: tabs, cookies, proxies, bookmarks, the back button',
        'each tab has its own login; one whose cookie is lost begins anew once, and then the likely causes are named',
        at('login-8', 'callback-8', 'callback-4', 'callback-9', 'setup-mistakes-2', 'setup-mistakes-1', 'tabs-3'),
      ),
      comes('refreshes that race, and log users out', 'one refresh for a login, whoever asks', 'refresh'),
      held(
        'sessions saved too late, or over one another',
        'the session is saved before the browser is sent on, and no save undoes another login or logout',
        at('early-answers-2'),
        shown.comesBack,
      ),
      held(
        'what happens while the store is down',
        '503 with Retry-After; nobody is logged out and nobody let in',
        shown.storeDown,
        at('other-stores-3'),
      ),
      held(
        'scripts that are redirected to the provider',
        'they get 401 and the address of the login, and no cookie',
        at('guard-answers-1', 'login-11', 'pages-1'),
      ),
      held(
        'no successor for the role guards of the Keycloak adapter',
        'guards by realm and client roles',
        at('roles-1', 'login-13'),
      ),
      held(
        'the provider has another name inside than outside',
        'metadata with endpoints of another name, and the issuer compared all the same',
        at('two-names-1', 'two-names-2', 'own-fetch-1'),
      ),
      held(
        'odd ways of Entra ID',
        'tenants are listed, and issuers compared',
        at('entra-login-4', 'entra-login-3', 'entra-bearer-1', 'entra-bearer-2', 'issuer-rules-1'),
        shown.issuer,
      ),
      held('redirect URIs that a proxy makes wrong', 'they come from baseUrl', at('host-headers-2', 'prefixes-1')),
      held(
        'a provider that is down at start ends the application for good',
        'it starts, and logs in once the provider is up',
        shown.providerDown,
        at('discovery-1'),
      ),
      held(
        'logouts that Keycloak asks about, or does not take',
        'the request has the hint and the client; a hint that is too long is left out',
        at('logout-2', 'logout-7', 'misbehaving-6', 'logout-9'),
      ),
      comes('logouts at the provider that do not arrive', 'they end the sessions of the user', 'back-channel logout'),
      held(
        'several providers, tenants and addresses',
        'an instance for each, beside one another',
        at('instances-2', 'multiple-providers-1'),
      ),
      held(
        'headers and cookies that are too large',
        'tokens stay in the store, and cookies of ours are few and fit',
        at('login-10'),
        shown.fewTransactions,
        at('claims-2'),
      ),
      held(
        'guarded routes that cannot be tried without a provider',
        'a provider for specs, and a browser',
        at('login-14'),
      ),
      held(
        'a session cookie lost by an answer that began early',
        'it is set before the answer begins',
        at('early-answers-1'),
      ),
      held(
        'proxies, certificates and time-outs on the way to the provider',
        'a fetch of the application, and a time for each request',
        at('own-fetch-1', 'http-client-2', 'token-endpoint-1'),
      ),
      held(
        'types, modules of both kinds, Express 5',
        'the package has types for every way to load it, and runs on both',
        at('tarball-1', 'applications-1', 'package-1', 'express-4-1', 'guarded-routes-1'),
      ),
      held('claims without types', 'the type of the user is the application\u2019s to say', at('oidc-3')),
      held(
        'logins without a page that go round in circles',
        'prompt=none ends where it began, logged in or not',
        at('silent-login-1', 'silent-login-2'),
      ),
      held('scope by route', 'a route may ask for more', at('login-6', 'session-verdict-1')),
      comes('a token for another audience by route', 'by resource', 'refresh (resources)'),
      held(
        'switching between organisations',
        'a login is of the tenant that its token names, and a route may ask for one',
        at('login-6'),
        rows('entra-login-1', 'entra-login-2'),
      ),
    ],
  },
]
