import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import { listen } from './listen.js'
import { interactions, wantedAcr } from './provider-interactions.js'
import { silenceNotices } from './provider-notices.js'
import { logoutPage, messagePage } from './provider-pages.js'

/**
 * @typedef {object} User
 * @property {string} sub the subject, which never changes
 * @property {string} name
 * @property {string} email
 * @property {string[]} roles
 * @property {string} about a line under the name on the login page
 */

/** @type {User[]} */
export const demoUsers = [
  {
    sub: 'alice',
    name: 'Alice Arden',
    email: 'alice@example.com',
    roles: ['admin', 'user'],
    about: 'admin and user',
  },
  { sub: 'bob', name: 'Bob Birch', email: 'bob@example.com', roles: ['user'], about: 'user only' },
]

/**
 * A client registration of the provider, with the member names of OIDC Dynamic Client Registration 2.
 *
 * @typedef {object} ClientMetadata
 * @property {string} client_id
 * @property {string} client_secret
 * @property {string} [client_name]
 * @property {string[]} redirect_uris
 * @property {string[]} [post_logout_redirect_uris]
 */

// Not a literal in import(), so that TypeScript does not load the library's types. They need the types of Koa, which
// conflict with the version of content-disposition that Express uses.
const library = 'oidc-provider'

/** Scope that the provider grants without consent; any other scope gets a consent page. */
const grantedScope = 'openid profile email'

/** @typedef {import('./provider-interactions.js').Context} Context */

/**
 * Starts an OpenID provider in this process, on loopback, with its state in memory. Users log in with a click, without
 * passwords. For demonstration only.
 *
 * @param {object} options
 * @param {ClientMetadata[]} options.clients
 * @param {string} [options.name] its name on its pages
 * @param {'amber' | 'blue' | 'green'} [options.accent] the color of its pages
 * @param {User[]} [options.users]
 * @param {Record<string, string>} [options.scopes] further scopes, each with its text on the consent page
 * @param {string[]} [options.acrValues] authentication context classes that a confirmed login can have
 * @param {number} [options.port] default: a free port
 * @returns {Promise<{ issuer: string, users: User[], close: () => Promise<void> }>}
 */
export async function startProvider({
  clients,
  name = 'Example ID',
  accent = 'amber',
  users = demoUsers,
  scopes = { 'calendar.read': 'Read your calendar' },
  acrValues = [],
  port = 0,
}) {
  silenceNotices()
  const { default: Provider, interactionPolicy } = await import(library)
  const server = createServer()
  const issuer = `http://127.0.0.1:${await listen(server, port)}`
  const theme = { name, accent }

  // All ports of a host share cookies, so two providers need different cookie names.
  const cookiePrefix = name.toLowerCase().replace(/[^a-z0-9]+/g, '_')
  const provider = new Provider(issuer, {
    clients: clients.map((client) => ({ grant_types: ['authorization_code', 'refresh_token'], ...client })),
    jwks: { keys: [await signingKey()] },
    cookies: {
      keys: [randomBytes(32).toString('hex')],
      names: {
        session: `${cookiePrefix}_session`,
        interaction: `${cookiePrefix}_interaction`,
        resume: `${cookiePrefix}_resume`,
      },
    },
    acrValues,
    scopes: ['openid', 'profile', 'email', 'offline_access', ...Object.keys(scopes)],
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username', 'roles'],
      email: ['email', 'email_verified'],
    },
    // Puts claims into the ID token, not only into the userinfo response (OIDC Core 5.4), as most providers do.
    conformIdTokenClaims: false,
    findAccount: (/** @type {Context} */ _ctx, /** @type {string} */ sub) => {
      const user = users.find((user) => user.sub === sub)
      if (!user) return undefined
      const { email, roles } = user
      return {
        accountId: sub,
        claims: () => ({ sub, name: user.name, preferred_username: sub, email, email_verified: true, roles }),
      }
    },
    loadExistingGrant: async (/** @type {Context} */ ctx) => {
      const { client, session, result } = ctx.oidc
      if (!client || !session?.accountId) return undefined
      const grantId = result?.consent?.grantId ?? session.grantIdFor(client.clientId)
      const known = grantId && (await provider.Grant.find(grantId))
      if (known) return known
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope(grantedScope)
      await grant.save()
      return grant
    },
    interactions: {
      policy: confirming(interactionPolicy, acrValues),
      url: (/** @type {Context} */ _ctx, /** @type {{ uid: string }} */ interaction) =>
        `/interaction/${interaction.uid}`,
    },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (/** @type {Context} */ ctx, /** @type {string} */ form) => {
          // With an ID token hint for the user of this session, no confirmation is needed (OIDC RP-Initiated Logout 2).
          const sure = ctx.oidc.entities.IdTokenHint?.payload.sub === ctx.oidc.session?.accountId
          ctx.body = logoutPage(theme, form, sure)
        },
        postLogoutSuccessSource: (/** @type {Context} */ ctx) => {
          ctx.body = messagePage(theme, 'You are logged out', 'You can close this page.')
        },
      },
    },
    renderError: (/** @type {Context} */ ctx, /** @type {{ error: string, error_description?: string }} */ out) => {
      const { error, error_description: description } = out
      ctx.type = 'html'
      ctx.body = messagePage(theme, 'This request is invalid', description ?? error, error)
    },
    clientBasedCORS: () => false,
    ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 86_400, IdToken: 3600, Interaction: 3600, Session: 86_400 },
  })

  const policy = contentSecurityPolicy(clients)
  provider.use(async (/** @type {Context} */ ctx, /** @type {() => Promise<void>} */ next) => {
    ctx.set('Content-Security-Policy', policy)
    ctx.set('X-Content-Type-Options', 'nosniff')
    ctx.set('Referrer-Policy', 'no-referrer')
    const asset = assets[ctx.path]
    if (asset) {
      ctx.type = asset.type
      ctx.body = await readFile(new URL(asset.file, import.meta.url), 'utf8')
      return
    }
    await next()
  })
  provider.use(interactions({ provider, users, scopes, acrValues, theme }))
  server.on('request', provider.callback())
  return {
    issuer,
    users,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/**
 * Returns the policy for the login page. Users with a session also see that page if a client requests an authentication
 * context class that their login lacks.
 *
 * @param {*} interactionPolicy of oidc-provider
 * @param {string[]} acrValues
 */
function confirming({ base, Check }, acrValues) {
  const policy = base()
  const isMissing = (/** @type {Context} */ { oidc }) => {
    const wanted = wantedAcr(oidc.params, acrValues)
    return wanted !== undefined && wanted !== oidc.acr
  }
  policy.get('login').checks.add(new Check('acr_missing', 'the login must be confirmed', 'login_required', isMissing))
  return policy
}

/** @type {Record<string, { type: string, file: string }>} */
const assets = {
  '/assets/style.css': { type: 'text/css', file: './provider-assets/style.css' },
  '/assets/icon.svg': { type: 'image/svg+xml', file: './provider-assets/icon.svg' },
  '/assets/submit.js': { type: 'text/javascript', file: './provider-assets/submit.js' },
}

async function signingKey() {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  return { ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256', kid: randomBytes(6).toString('hex') }
}

/** @param {ClientMetadata[]} clients */
function contentSecurityPolicy(clients) {
  const targets = clients.flatMap((client) => [...client.redirect_uris, ...(client.post_logout_redirect_uris ?? [])])
  const origins = new Set(targets.map((target) => new URL(target).origin))
  return [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self'",
    // Browsers also apply form-action to the redirect after a form, so it includes the clients.
    `form-action 'self' ${[...origins].join(' ')}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join(';')
}
