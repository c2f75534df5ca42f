import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { createDemo } from './app.js'
import { EnvironmentError, readEnvironment } from './environment.js'
import { openPort } from './listen.js'
import { startProvider } from './provider.js'
import { connectRedis } from './redis.js'

/** @type {(() => unknown)[]} in the order in which they are called */
const closers = []

try {
  await start()
} catch (error) {
  // The messages of createOidc() about a wrong issuer or secret also tell the user what to fix.
  const reported = error instanceof EnvironmentError || (error instanceof Error && error.name === 'OidcError')
  console.error(reported ? `The demo cannot start.\n${error.message}` : error)
  await stop()
  process.exit(1)
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await stop()
    process.exit(0)
  })
}

async function start() {
  const settings = readEnvironment(process.env)
  const redis = settings.redisUrl === undefined ? undefined : await connectRedis(settings.redisUrl)
  if (redis) closers.push(redis.close)

  const server = createServer()
  const baseUrl = `http://localhost:${await openPort(server, settings.port)}`
  closers.unshift(() => {
    server.close()
    server.closeAllConnections()
  })

  const provider = settings.provider ?? (await embeddedProvider(baseUrl))
  const { app, oidc } = createDemo({
    baseUrl,
    provider,
    secret: lastingSecret(provider.clientSecret),
    ...(redis && { store: redis.store }),
  })
  if (settings.provider) await checkProvider(oidc, settings.provider.issuer)
  server.on('request', app)

  console.log(`Open ${baseUrl}`)
  if (settings.provider) {
    console.log(`Redirect URI to register at ${settings.provider.issuer}: ${baseUrl}${oidc.paths.callback}`)
    console.log(`Post-logout redirect URI: ${baseUrl}/`)
  } else {
    console.log('Log in as Alice (roles admin and user) or Bob (role user): no password.')
  }
}

/**
 * A secret that is the same at each start with the same provider, so that logins in Redis outlive a restart. Your own
 * application has a secret in its configuration instead.
 *
 * @param {string} clientSecret
 */
function lastingSecret(clientSecret) {
  return createHash('sha256').update(`demo ${clientSecret}`).digest('hex')
}

/** @param {string} baseUrl */
async function embeddedProvider(baseUrl) {
  const clientId = 'demo'
  const clientSecret = randomBytes(32).toString('hex')
  const provider = await startProvider({
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        client_name: 'Express Session OIDC demo',
        redirect_uris: [`${baseUrl}/callback`],
        post_logout_redirect_uris: [`${baseUrl}/`],
      },
    ],
  })
  closers.push(provider.close)
  return { issuer: provider.issuer, clientId, clientSecret, users: provider.users }
}

/**
 * Checks the provider at the start. An application could start while its provider is down. In the demo, a wrong variable
 * is the more likely cause.
 *
 * @param {import('express-session-oidc').Oidc} oidc
 * @param {string} issuer
 */
async function checkProvider(oidc, issuer) {
  try {
    await oidc.ready()
  } catch (error) {
    const reason = /** @type {{ detail?: string }} */ (error).detail ?? String(error)
    throw new EnvironmentError(
      `No OpenID provider can be used at OIDC_ISSUER ${issuer}: ${reason}\n` +
        'Is it running, and is this exactly the issuer of its /.well-known/openid-configuration?',
    )
  }
}

async function stop() {
  for (const close of closers) await close()
}
