/** Complaints of users of similar packages, the most common first. */
import { at, held, rows } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const complaints = [
  {
    title: 'Complaints of users',
    incidents: [
      held(
        'the login returns with an unknown state: tabs, cookies, proxies, bookmarks, the back button',
        'each tab has its own login; one with a lost cookie restarts once, and then the likely causes are named',
        at('login-8', 'callback-8', 'callback-4', 'callback-9', 'setup-mistakes-2', 'setup-mistakes-1', 'tabs-3'),
      ),
      held(
        'concurrent refreshes that log users out',
        'one refresh per login, however many requests need it',
        shown.oneRefresh,
        at('refresh-6', 'recheck-1'),
      ),
      held(
        'sessions saved too late, or overwritten by one another',
        'the session is saved before the redirect, and no save undoes another login or logout',
        at('early-answers-2'),
        shown.comesBack,
      ),
      held(
        'behavior while the store is down',
        'the response is 503 with Retry-After; nobody is logged out and nobody is let in',
        shown.storeDown,
        at('other-stores-3'),
      ),
      held(
        'scripts that are redirected to the provider',
        'they get 401 with the URL of the login, and no cookie',
        at('guard-answers-1', 'login-11', 'pages-1'),
      ),
      held(
        'no successor to the role guards of the Keycloak adapter',
        'guards can require realm and client roles',
        at('roles-1', 'login-13'),
      ),
      held(
        'the provider has different internal and public names',
        'endpoints may have another name in the metadata, and the issuer is still compared',
        at('two-names-1', 'two-names-2', 'own-fetch-1'),
      ),
      held(
        'peculiarities of Entra ID',
        'tenants are listed, and issuers are compared',
        at('entra-login-4', 'entra-login-3', 'entra-bearer-1', 'entra-bearer-2', 'issuer-rules-1'),
        shown.issuer,
      ),
      held('redirect URIs that a proxy makes wrong', 'they come from baseUrl', at('host-headers-2', 'prefixes-1')),
      held(
        'a provider that is down at startup stops the application permanently',
        'the application starts, and users can log in once the provider is up',
        shown.providerDown,
        at('discovery-1'),
      ),
      held(
        'logouts that Keycloak asks the user to confirm, or rejects',
        'the request carries the ID token hint and the client id; a hint that is too long is omitted',
        at('logout-2', 'logout-7', 'misbehaving-6', 'logout-9'),
      ),
      held(
        'logouts at the provider that do not reach the application',
        'they end the sessions of the user',
        at('backchannel-logout-12', 'backchannel-logout-2', 'logout-processes-1'),
      ),
      held(
        'several providers, tenants and addresses',
        'each has its own instance, and instances work side by side',
        at('instances-2', 'multiple-providers-1'),
      ),
      held(
        'headers and cookies that are too large',
        'tokens stay in the store; the package sets few cookies, and they fit',
        at('login-10'),
        shown.fewTransactions,
        at('claims-2'),
      ),
      held(
        'guarded routes that cannot be tested without a provider',
        'the package has a test provider and a test user agent',
        at('login-14'),
      ),
      held(
        'a session cookie lost because the response began early',
        'the cookie is set before the response begins',
        at('early-answers-1'),
      ),
      held(
        'proxies, certificates and timeouts on the way to the provider',
        'the application may pass its own fetch, and each request has a timeout',
        at('own-fetch-1', 'http-client-2', 'token-endpoint-1'),
      ),
      held(
        'types, ES modules and CommonJS, Express 5',
        'the package has types for every way to import it, and runs with both module kinds',
        at('tarball-1', 'applications-1', 'package-1', 'express-4-1', 'guarded-routes-1'),
      ),
      held('claims without types', 'the application defines the type of the user', at('oidc-3')),
      held(
        'silent logins that loop',
        'prompt=none ends where it began, with or without a login',
        at('silent-login-1', 'silent-login-2'),
      ),
      held('scope per route', 'a route may require additional scope', at('login-6', 'session-verdict-1')),
      held(
        'a token for another audience per route',
        'accessToken() takes a resource',
        at('other-tokens-1', 'other-tokens-2'),
      ),
      held(
        'switching between organizations',
        'a login belongs to the tenant that its token names, and a route may require a tenant',
        at('login-6'),
        rows('entra-login-1', 'entra-login-2'),
      ),
    ],
  },
]
