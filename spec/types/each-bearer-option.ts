/** How tokens are bound, asked about and fetched for, one wrong value each: held by the compiler, never run. */
import {
  createBearer,
  createOidc,
  type BearerOptions,
  type LoginBearerSettings,
  type OidcOptions,
} from 'express-session-oidc'
import { redisRecords, type RedisClient } from 'express-session-oidc/redis'

declare const client: RedisClient
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
    rememberSeconds: 0,
  },
  providerTimeoutSeconds: 3,
  fetch,
})
createOidc({ ...login, bearer: { audience: 'orders', introspection: true, dpop: { replay: 'memory' }, mtls: true } })
createOidc({ ...login, bearer: { audience: 'orders', introspection: { tokens: 'opaque', rememberSeconds: 30 } } })

export const wrong: Partial<BearerOptions>[] = [
  // @ts-expect-error: where used proofs are remembered is a choice
  { dpop: true },
  // @ts-expect-error: and it is told
  { dpop: {} },
  // @ts-expect-error: in memory, or in records that processes share
  { dpop: { replay: 'redis' } },
  // @ts-expect-error: a client of Redis is no records: redisRecords({ client })
  { dpop: { replay: client } },
  // @ts-expect-error: left out, where there are none
  { mtls: false },
  // @ts-expect-error: a function finds the certificate in the request
  { mtls: { certificate: 'x-client-certificate' } },
  // @ts-expect-error: a certificate is found at once
  { mtls: { certificate: async () => 'PEM' } },
  // @ts-expect-error: an API has no client but the one that it names
  { introspection: true },
  // @ts-expect-error: who asks is named
  { introspection: { clientSecret: 'secret' } },
  // @ts-expect-error: a way of authentication that asks for a key is not taken here
  { introspection: { clientId: 'orders', clientAuth: 'private_key_jwt' } },
  // @ts-expect-error: the opaque ones, or all
  { introspection: { clientId: 'orders', tokens: 'jwt' } },
  // @ts-expect-error: seconds are a number
  { introspection: { clientId: 'orders', rememberSeconds: '60' } },
  // @ts-expect-error: a name is a text
  { name: 1 },
  // @ts-expect-error: seconds are a number
  { providerTimeoutSeconds: '5' },
  // @ts-expect-error: a fetch answers with a Response
  { fetch: async () => ({ ok: true }) },
  // @ts-expect-error: yes or no
  { allowInsecureIssuer: 1 },
  // @ts-expect-error: not an option; replay goes into dpop
  { replay: 'memory' },
]

export const wrongBeside: LoginBearerSettings[] = [
  // @ts-expect-error: the login's client asks
  { introspection: { clientId: 'orders' } },
  // @ts-expect-error: left out, where nobody asks
  { introspection: false },
  // @ts-expect-error: the login says where it is reached
  { baseUrl: 'https://api.example.com' },
  // @ts-expect-error: keys are those of the login's issuer
  { keys: { keys: [] } },
]
