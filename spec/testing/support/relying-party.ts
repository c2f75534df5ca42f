/** A small relying party with openid-client, through which tests use the test provider as a real client does. */
import { createServer, type IncomingMessage } from 'node:http'
import { inspect } from 'node:util'
import * as client from 'openid-client'
import type { TestProvider } from '../../../lib/testing.ts'
import { close, listen } from '../../support/app.ts'

export interface RelyingParty {
  readonly url: string
  /** The tokens of the latest login. */
  readonly tokens: () => client.TokenEndpointResponse & client.TokenEndpointResponseHelpers
  readonly config: () => Promise<client.Configuration>
  readonly stop: () => Promise<void>
}

export interface RelyingPartyOptions {
  readonly clientId?: string
  /** Request parameters of every login. */
  readonly params?: Record<string, string>
  readonly pushed?: boolean
  readonly pkce?: boolean
  readonly auth?: (secret: string) => client.ClientAuth
}

/** The configuration of a new client. */
export async function discover(
  provider: TestProvider,
  options: RelyingPartyOptions = {},
): Promise<client.Configuration> {
  const { clientId, clientSecret } = provider.settings(options.clientId)
  const auth = clientSecret === undefined ? client.None() : (options.auth ?? client.ClientSecretBasic)(clientSecret)
  return await client.discovery(new URL(provider.issuer), clientId, undefined, auth, {
    // oxlint-disable-next-line typescript/no-deprecated -- plain http on loopback
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  })
}

async function getBody(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString()
  return body
}

export async function startRelyingParty(
  provider: TestProvider,
  options: RelyingPartyOptions = {},
): Promise<RelyingParty> {
  const logins = new Map<string, { nonce: string; verifier: string | undefined }>()
  let tokens: (client.TokenEndpointResponse & client.TokenEndpointResponseHelpers) | undefined
  let configuration: Promise<client.Configuration> | undefined
  const config = (): Promise<client.Configuration> => (configuration ??= discover(provider, options))

  const beginLogin = async (query: URLSearchParams): Promise<URL> => {
    const state = client.randomState()
    const nonce = client.randomNonce()
    const verifier = options.pkce === false ? undefined : client.randomPKCECodeVerifier()
    logins.set(state, { nonce, verifier })
    const params: Record<string, string> = {
      redirect_uri: `${url}/callback`,
      scope: 'openid profile email',
      state,
      nonce,
      ...(verifier === undefined
        ? {}
        : { code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }),
      ...options.params,
      ...Object.fromEntries(query),
    }
    return options.pushed
      ? await client.buildAuthorizationUrlWithPAR(await config(), params)
      : client.buildAuthorizationUrl(await config(), params)
  }

  const finishLogin = async (request: IncomingMessage): Promise<object> => {
    const target = new URL(request.url ?? '', url)
    const body = await getBody(request)
    const params = new URLSearchParams(request.method === 'POST' ? body : target.search)
    const login = logins.get(params.get('state') ?? '')
    const current =
      request.method === 'POST' ? new Request(target, { method: 'POST', body: new URLSearchParams(body) }) : target
    tokens = await client.authorizationCodeGrant(await config(), current, {
      expectedState: params.get('state') ?? 'none',
      idTokenExpected: true,
      ...(login === undefined ? {} : { expectedNonce: login.nonce }),
      ...(login?.verifier === undefined ? {} : { pkceCodeVerifier: login.verifier }),
    })
    return { claims: tokens.claims(), scope: tokens.scope, method: request.method }
  }

  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', url)
    const work =
      pathname === '/login'
        ? beginLogin(searchParams).then((to) => response.writeHead(302, { location: to.href }).end())
        : pathname === '/callback'
          ? finishLogin(request).then((result) => response.end(JSON.stringify(result)))
          : Promise.resolve(response.end(`{"arrived": "${pathname}"}`))
    work.catch((error: unknown) => {
      const { code, error: sent, cause } = error as { code?: string; error?: string; cause?: { message?: string } }
      const reason = cause?.message ?? inspect(error)
      response.writeHead(400).end(JSON.stringify({ code, error: sent, reason }))
    })
  })
  const url = await listen(server)
  return {
    url,
    config,
    tokens: () => {
      if (tokens === undefined) throw new Error('nobody has logged in')
      return tokens
    },
    stop: () => close(server),
  }
}
