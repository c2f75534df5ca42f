/** What users of packages of this kind complained of, the commonest first. */
import { at, comes, held, rowsOf } from '../incident.js'
import * as shown from './shown.js'

/** @type {readonly import('../incident.js').Section[]} */
export const complaints = [
  {
    title: 'Complaints of users',
    incidents: [
      held(
        'the login comes back and its state is not known: tabs, cookies, proxies, bookmarks, the back button',
        'each tab has its own login; one whose cookie is lost begins anew once, and then the likely causes are named',
        at('flows/login', 'lets two tabs finish both, each where it began'),
        at(
          'flows/callback',
          'begins the login once more, then answers 400 and names the likely causes',
          'by the back button leads where afterLogin had sent the user',
          'logs in at the second try, where only the first cookie was lost',
        ),
        at(
          'flows/setup-mistakes',
          'as %j is named once',
          'is named once, and the browser is told that its session does not stick',
        ),
        at('browser/tabs', 'the oldest starts over, and is logged in too'),
      ),
      comes('refreshes that race, and log users out', 'one refresh for a login, whoever asks', 'refresh'),
      held(
        'sessions saved too late, or over one another',
        'the session is saved before the browser is sent on, and no save undoes another login or logout',
        at('incidents/early-answers', 'the session of a finished login is in the store before the browser is sent on'),
        shown.comesBack,
      ),
      held(
        'what happens while the store is down',
        '503 with Retry-After; nobody is logged out and nobody let in',
        shown.storeDown,
        at('flows/other-stores', 'answer 503 where the store is down, and keep the login'),
      ),
      held(
        'scripts that are redirected to the provider',
        'they get 401 and the address of the login, and no cookie',
        at('support/guard-answers.ts', 'a %s gets 401 with the URL of the login'),
        at('flows/login', 'no login is begun'),
        at('browser/pages', 'a fetch is told where to log in, and follows no redirect'),
      ),
      held(
        'no successor for the role guards of the Keycloak adapter',
        'guards by realm and client roles',
        at('logins/roles', 'reads realm and client roles from the verified access token'),
        at('keycloak/login', 'come from the realm and, as client:role, from the client'),
      ),
      held(
        'the provider has another name inside than outside',
        'metadata with endpoints of another name, and the issuer compared all the same',
        at(
          'incidents/two-names',
          'is logged in with by metadata that are given: the issuer is compared by its public name',
          'is told of where its metadata name another issuer than the one that was asked',
        ),
        at('provider/own-fetch', 'gets all requests to the provider'),
      ),
      held(
        'odd ways of Entra ID',
        'tenants are listed, and issuers compared',
        at(
          'flows/entra-login',
          'attacks on a login',
          'fetches groups that do not fit into the token from Graph, with the access token of the login',
        ),
        at(
          'flows/entra-bearer',
          'takes tokens of version %i, with user, scope and roles',
          'attacks on an API of one tenant, of a list, of organizations and of common',
        ),
        at('tokens/issuer-rules', 'is what tokenIssuer gives: %s'),
        shown.issuer,
      ),
      held(
        'redirect URIs that a proxy makes wrong',
        'they come from baseUrl',
        at('attacks/host-headers', 'have their redirect URIs from baseUrl, at the provider too'),
        at('flows/prefixes', 'a guarded page logs in and comes back with its query'),
      ),
      held(
        'a provider that is down at start ends the application for good',
        'it starts, and logs in once the provider is up',
        shown.providerDown,
        at(
          'provider/discovery',
          'that fails is not asked again before a while has passed, which doubles up to half a minute',
        ),
      ),
      held(
        'logouts that Keycloak asks about, or does not take',
        'the request has the hint and the client; a hint that is too long is left out',
        at(
          'flows/logout',
          'has the ID token as a hint, the client, where to come back to, and a state',
          'do not stop a logout: it goes on with the client alone',
        ),
        at('provider/misbehaving', 'begins with no hint where that makes an address too long for servers to take'),
        at('keycloak/logout', 'goes on where the tokens are lost: Keycloak then asks the user'),
      ),
      comes('logouts at the provider that do not arrive', 'they end the sessions of the user', 'back-channel logout'),
      held(
        'several providers, tenants and addresses',
        'an instance for each, beside one another',
        at('flows/instances', 'are logged in with one after the other, each with its own user and tokens'),
        at('examples/multiple-providers', 'has a login of each provider in one session'),
      ),
      held(
        'headers and cookies that are too large',
        'tokens stay in the store, and cookies of ours are few and fit',
        at('flows/login', 'fits into a browser, which has no room for more than 4096 characters of name and value'),
        shown.fewTransactions,
        at('tokens/claims', '%s is a login'),
      ),
      held(
        'guarded routes that cannot be tried without a provider',
        'a provider for specs, and a browser',
        at('testing/login', 'logs in who is at the keyboard'),
      ),
      held(
        'a session cookie lost by an answer that began early',
        'it is set before the answer begins',
        at(
          'incidents/early-answers',
          'a guarded page that is sent piece by piece keeps its session, its cookie and its login',
        ),
      ),
      held(
        'proxies, certificates and time-outs on the way to the provider',
        'a fetch of the application, and a time for each request',
        at('provider/own-fetch', 'gets all requests to the provider'),
        at(
          'provider/http-client',
          'end with the time that they have, also through a fetch that does not listen to signals',
        ),
        at('provider/token-endpoint', 'is given as long as the option says, its answer included'),
      ),
      held(
        'types, modules of both kinds, Express 5',
        'the package has types for every way to load it, and runs on both',
        at('packaging/installed/tarball', 'has types that resolve for every way to import it'),
        at('packaging/installed/applications', 'logs in from an application that loads it by require()'),
        at('packaging/package', 'can be loaded by require() and by import'),
        at('flows/express-4', 'the application is one of Express 4'),
        at('incidents/guarded-routes', 'stops what would come after it: %s'),
      ),
      held(
        'claims without types',
        'the type of the user is the application\u2019s to say',
        at('http/oidc', 'are the login of their instance, also inside another function'),
      ),
      held(
        'logins without a page that go round in circles',
        'prompt=none ends where it began, logged in or not',
        at(
          'flows/silent-login',
          'logs in without a page where there is a session at the provider',
          'that is answered login_required leaves a login that there is',
        ),
      ),
      held(
        'scope by route',
        'a route may ask for more',
        at('flows/login', 'has what a route asks for with login()'),
        at('guard/session-verdict', 'fails %j, at once'),
      ),
      comes('a token for another audience by route', 'by resource', 'refresh (resources)'),
      held(
        'switching between organisations',
        'a login is of the tenant that its token names, and a route may ask for one',
        at('flows/login', 'has what a route asks for with login()'),
        rowsOf('flows/entra-login', 'with %s', undefined, 'a list'),
      ),
    ],
  },
]
