/** The options for bound tokens, introspection and requests, with invalid values. Checked by the compiler, never run. */
import {
  createBearer,
  createOidc,
  type BearerOptions,
  type OidcBearerOptions,
  type OidcOptions,
} from 'express-session-oidc'
import { redisRecords, type OidcRedisClient } from 'express-session-oidc/redis'

declare const client: OidcRedisClient
declare const login: OidcOptions

createBearer({
  issuer: { issuer: 'https://id.example.com', introspection: { clientId: 'orders', clientAuth: 'none' } },
  audience: 'orders',
  baseUrl: new URL('https://api.example.com'),
  dpop: { replay: redisRecords({ client }) },
  mtls: { certificate: (req) => req.get('x-client-certificate') },
  introspection: {
    clientId: 'orders',
    clientSecret: process.env['CLIENT_SECRET'],
    clientAuth: 'client_secret_post',
    tokens: 'all',
    cacheSeconds: 0,
  },
  providerTimeoutSeconds: 3,
  fetch,
})
createOidc({ ...login, bearer: { audience: 'orders', introspection: true, dpop: { replay: 'memory' }, mtls: true } })
createOidc({ ...login, bearer: { audience: 'orders', introspection: { tokens: 'opaque', cacheSeconds: 30 } } })

export const wrong: Partial<BearerOptions>[] = [
  // @ts-expect-error: the application must choose where used proofs are stored
  { dpop: true },
  // @ts-expect-error: `replay` is missing
  { dpop: {} },
  // @ts-expect-error: `replay` is `memory` or shared records
  { dpop: { replay: 'redis' } },
  // @ts-expect-error: a Redis client is not records; use redisRecords({ client })
  { dpop: { replay: client } },
  // @ts-expect-error: omit `mtls` to disable it
  { mtls: false },
  // @ts-expect-error: `certificate` is a function of the request
  { mtls: { certificate: 'x-client-certificate' } },
  // @ts-expect-error: the certificate must be returned synchronously
  { mtls: { certificate: async () => 'PEM' } },
  // @ts-expect-error: an API without a login must name its client
  { introspection: true },
  // @ts-expect-error: the client id is missing
  { introspection: { clientSecret: 'secret' } },
  // @ts-expect-error: an authentication method with a key is not supported
  { introspection: { clientId: 'orders', clientAuth: 'private_key_jwt' } },
  // @ts-expect-error: `tokens` is `opaque` or `all`
  { introspection: { clientId: 'orders', tokens: 'jwt' } },
  // @ts-expect-error: seconds are a number
  { introspection: { clientId: 'orders', cacheSeconds: '60' } },
  // @ts-expect-error: a name is a string
  { name: 1 },
  // @ts-expect-error: seconds are a number
  { providerTimeoutSeconds: '5' },
  // @ts-expect-error: a fetch function must resolve to a Response
  { fetch: async () => ({ ok: true }) },
  // @ts-expect-error: the value must be a boolean
  { allowInsecureIssuer: 1 },
  // @ts-expect-error: `replay` is a member of `dpop`
  { replay: 'memory' },
]

export const wrongBeside: OidcBearerOptions[] = [
  // @ts-expect-error: introspection uses the client of the login
  { introspection: { clientId: 'orders' } },
  // @ts-expect-error: omit `introspection` to disable it
  { introspection: false },
  // @ts-expect-error: the base URL is that of the login
  { baseUrl: 'https://api.example.com' },
  // @ts-expect-error: the keys are those of the issuer of the login
  { keys: { keys: [] } },
]
