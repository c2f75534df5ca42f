/** One of several processes of an API without logins, on one Redis, for the races of clients with DPoP keys. */
import { createServer } from 'node:http'
import express from 'express'
import { createBearer } from 'express-session-oidc'
import { redisRecords } from 'express-session-oidc/redis'
import { createClient } from 'redis'
import { listen } from '../../support/app.ts'

const { REDIS_URL = '', ISSUER = '', BASE_URL = '' } = process.env

const client = createClient({ url: REDIS_URL, disableOfflineQueue: true })
client.on('error', () => {})
await client.connect()
const replay = redisRecords({ client: client })
const bearer = createBearer({ issuer: ISSUER, audience: 'orders', baseUrl: BASE_URL, dpop: { replay } })

const app = express()
app.get('/orders', bearer.requireBearer(), (req, res) => void res.json({ sub: req.auth.sub, process: process.pid }))
const server = createServer(app)
console.log(`process ${process.pid}`)
console.log(`Open ${await listen(server)}`)
