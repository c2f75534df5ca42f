/** What the options accept and reject. Checked by the compiler (`npm run check:types`), never run. */
import session, { MemoryStore } from 'express-session'
import { createOidc, keycloak, LoginRefused, type OidcOptions } from 'express-session-oidc'

const required = {
  issuer: 'https://id.example.com',
  clientId: 'web',
  clientSecret: process.env['CLIENT_SECRET'],
  baseUrl: 'https://app.example.com',
  secret: process.env['OIDC_SECRET'],
} satisfies OidcOptions

// Environment variables may be undefined; that is checked at run time.
createOidc(required)
createOidc({ ...required, secret: ['a', 'b'], scope: ['openid'], issuer: new URL('https://id.example.com') })
const { issuer: _, ...settings } = required
createOidc({ ...settings, provider: keycloak({ url: 'https://id.example.com', realm: 'acme', client: 'web' }) })
createOidc({
  ...required,
  issuer: {
    issuer: 'https://id.example.com',
    authorization_endpoint: 'https://id.example.com/authorize',
    token_endpoint: 'https://id.example.com/token',
    jwks_uri: 'https://id.example.com/jwks',
    vendor_extension: true,
  },
})
createOidc({
  ...required,
  afterLogin: (req, { user, tokens, roles }) => {
    if (!user.email_verified) throw new LoginRefused('Confirm your address first.')
    req.session.cookie.maxAge = roles.includes('admin') ? 1000 : 2000
    return tokens.scope.includes('calendar') ? '/calendar' : undefined
  },
  onError: (error, _req, res, next) => {
    if (error.code === 'not_allowed') res.status(error.status).send(error.message)
    else next(error)
  },
  roles: ({ accessToken }) => (Array.isArray(accessToken?.['groups']) ? accessToken['groups'].map(String) : []),
})
createOidc({ ...required, afterLogin: async () => {} })
createOidc({ ...required, sessionStore: new MemoryStore() })
createOidc({ ...required, sessionStore: new session.MemoryStore() })
createOidc({ ...required, afterLogin: async () => '/welcome' })

// @ts-expect-error: the options are missing
createOidc()
// @ts-expect-error: required members are missing
createOidc({ clientId: 'web' })
// @ts-expect-error: an unknown option
createOidc({ ...required, issuerBaseURL: 'https://id.example.com' })
// @ts-expect-error: a client id is a string
createOidc({ ...required, clientId: 42 })
// @ts-expect-error: an unknown method
createOidc({ ...required, clientAuth: 'private_key_jwt' })
// @ts-expect-error: `userInfo` is a boolean
createOidc({ ...required, userInfo: 'always' })
// @ts-expect-error: seconds are a number
createOidc({ ...required, maxLoginSeconds: '3600' })
// @ts-expect-error: an unknown route
createOidc({ ...required, routes: { signin: '/signin' } })
// @ts-expect-error: metadata without endpoints
createOidc({ ...required, issuer: { issuer: 'https://id.example.com' } })
// @ts-expect-error: the return value is a path
createOidc({ ...required, afterLogin: () => 42 })
// @ts-expect-error: roles are strings
createOidc({ ...required, roles: () => [1] })
// @ts-expect-error: records need all their methods
createOidc({ ...required, records: { get: async () => undefined } })
// @ts-expect-error: null does not count as left out
createOidc({ ...required, scope: null })
// @ts-expect-error: the realm is missing
keycloak({ url: 'https://id.example.com' })
// @ts-expect-error: an unknown error code
createOidc({ ...required, onError: (error) => error.code === 'no_such_code' })

const oidc = createOidc(required)
oidc.requireAuth({ roles: ['admin'], scope: 'a b', anyRole: ['a'], claims: { email_verified: true }, redirect: false })
oidc.login({ scope: ['openid'], prompt: 'login', maxAuthAgeSeconds: 60, extra: { kc_idp_hint: 'x' }, returnTo: '/' })
oidc.logout({ returnTo: '/' })
oidc.trySilentLogin()
// @ts-expect-error: an unknown condition
oidc.requireAuth({ role: 'admin' })
// @ts-expect-error: a claim has a single value
oidc.requireAuth({ claims: { groups: ['a'] } })
// @ts-expect-error: a check must return a boolean
oidc.requireAuth({ check: () => 'yes' })
// @ts-expect-error: protocol parameters have other names here
oidc.login({ login_hint: 'alice' })
// @ts-expect-error: extra parameters are strings
oidc.login({ extra: { a: 1 } })
// @ts-expect-error: a silent login has no parameters
oidc.trySilentLogin({ prompt: 'none' })
// @ts-expect-error: a logout has no scope
oidc.logout({ scope: 'openid' })
