/** Specs that cover many incidents, by what they show. */
import { at, rows } from '../incident.js'

export const redirects = at('redirects-2', 'redirects-3', 'urls-1')
export const returnTo = at('redirects-4')
export const logoutTarget = at('redirects-2', 'oidc-2')
export const storedReturn = at('stored-return-1', 'stored-return-2')
export const loginLink = at('login-7', 'malformed-responses-3')
export const malformed = at('malformed-responses-1', 'malformed-responses-2')
export const markup = at('markup-1', 'markup-2', 'pages-2')
export const providerText = at('callback-16')
export const sealed = at('seal-2')
export const purposes = at('seal-4', 'transaction-cookie-2')
export const cookieBytes = at('transaction-cookie-1')
export const cookieHeader = at('cookie-bombs-3', 'cookie-bombs-4')
export const cookieNames = at('cookie-bombs-5')
export const bombs = at('cookie-bombs-1')
export const fewTransactions = at('login-9', 'cookie-bombs-2')
export const identityHeaders = at('host-headers-3', 'host-headers-4')
export const noExemptions = at('host-headers-5')
export const hostHeaders = at('host-headers-1')
export const guardStops = at('guarded-routes-1')
export const guardPaths = at('guarded-routes-2', 'guarded-routes-3')
export const fixation = at('session-fixation-1', 'callback-1')
export const usedOnce = at('callback-6', 'callback-7', 'processes-1')
export const loginCsrf = at('login-csrf-1', 'callback-10')
export const mixUp = at('mix-up-1')
export const idToken = at('id-token-1')
export const idTokenChecks = at('id-token-18')
export const claims = at('claims-1')
export const header = at('headers-4')
export const ownKeys = at('headers-5', 'headers-6')
export const algorithms = at('id-token-21', 'misbehaving-3')
export const noDecryption = at('source-4')
export const sizes = at('http-client-3', 'members-2')
export const issuer = rows('discovery-4', 'discovery-2', 'discovery-3')
export const comesBack = at('nothing-comes-back-1', 'redis-session-store-1', 'processes-2')
export const storeDown = [...rows('store-1', 'rows-1', 'rows-2', 'rows-5'), ...at('store-faults-3')]
export const providerDown = [...rows('provider-1', 'rows-7', 'rows-8', 'rows-9'), ...at('provider-down-1')]
export const secretsKept = at('vault-1')
export const roleGuards = at('session-verdict-1', 'guard-answers-3')
export const usersApart = at('users-apart-1', 'processes-3')
export const secretsTold = at('planted-secrets-1', 'planted-secrets-2')
export const lineBreaks = at('header-injection-2', 'header-injection-1')
export const caches = at('caching-1', 'caching-2')
export const twice = at('duplicates-1')
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
export const oneRefresh = at('refresh-1', 'refresh-2', 'refresh-processes-1')
