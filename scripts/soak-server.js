/** One process of the application in the soak run. Its first message contains the settings. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'
import { createOidc } from 'express-session-oidc'
import { RedisSessionStore } from 'express-session-oidc/redis'

/**
 * @typedef {{ mark?: string | undefined, visits?: number | undefined }} SoakData data of the application in its sessions
 * @typedef {{ redisUrl: string, provider: { issuer: string, clientId: string, clientSecret: string }, baseUrl: string }} Start
 */

process.on('disconnect', () => process.exit())
const [{ redisUrl, provider, baseUrl }] = /** @type {[Start]} */ (await once(process, 'message'))

const client = createClient({ url: redisUrl })
/** @type {string[]} */
const faults = []
client.on('error', (error) => faults.push(`redis: ${error}`))
await client.connect()

const secret = 'a secret of the soak run, the same in all processes'
const oidc = createOidc({ ...provider, baseUrl, secret })
oidc.on('login_failed', (event) => faults.push(`login_failed: ${event.code} ${event.detail}`))
oidc.on('store_fault', (event) => faults.push(`store_fault: ${event.detail}`))
oidc.on('provider_fault', (event) => faults.push(`provider_fault: ${event.detail}`))

/** @param {express.Request} req @returns {SoakData} */
const getData = (req) => /** @type {SoakData} */ (req.session)

const app = express()
app.use(
  session({
    store: new RedisSessionStore({ client, idleSeconds: 600 }),
    secret,
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax' },
  }),
)
app.use(oidc.router)
app.get('/enter/:user', (req, _res, next) => {
  getData(req).mark = new URL(req.originalUrl, baseUrl).searchParams.get('mark') ?? ''
  oidc.context(req).login({ loginHint: req.params.user, returnTo: '/me' }).catch(next)
})
app.get('/me', oidc.requireAuth(), (req, res) => {
  const { mark, visits } = getData(req)
  res.json({ sub: req.oidc.user?.sub, mark, visits })
})
app.get('/visit', oidc.requireAuth(), (req, res) => {
  const data = getData(req)
  data.visits = (data.visits ?? 0) + 1
  res.json({ sub: req.oidc.user?.sub, mark: data.mark, visits: data.visits })
})
app.use(oidc.errorHandler())

const server = createServer({ keepAliveTimeout: 600_000 }, app)
await once(server.listen(0, '127.0.0.1'), 'listening')
process.on('message', () => {
  globalThis.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  process.send?.({ rss, heapUsed, faults: faults.splice(0) })
})
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
process.send?.({ url: `http://127.0.0.1:${port}` })
