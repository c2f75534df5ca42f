import { type Answer, json } from './answer.ts'
import { applyChange, type TestJsonObject } from './change.ts'
import { proofAlgorithms } from './dpop.ts'
import type { TestEndpoint } from './request.ts'
import { getIssuer, type ProviderState } from './state.ts'
import { grantTypes } from './tokens.ts'

/** The path of each endpoint, relative to the issuer. */
export const paths: Readonly<Record<TestEndpoint, string>> = {
  discovery: '/.well-known/openid-configuration',
  jwks: '/jwks',
  authorize: '/authorize',
  login: '/login',
  token: '/token',
  userinfo: '/userinfo',
  end_session: '/logout',
  revocation: '/revoke',
  introspection: '/introspect',
  par: '/par',
}

/** The provider metadata (OIDC Discovery 1.0 section 3). */
export async function discovery(provider: ProviderState): Promise<Answer> {
  const issuer = getIssuer(provider)
  const { pushedRequests } = provider.settings
  let metadata: TestJsonObject = {
    issuer,
    authorization_endpoint: issuer + paths.authorize,
    token_endpoint: issuer + paths.token,
    userinfo_endpoint: issuer + paths.userinfo,
    jwks_uri: issuer + paths.jwks,
    end_session_endpoint: issuer + paths.end_session,
    revocation_endpoint: issuer + paths.revocation,
    introspection_endpoint: issuer + paths.introspection,
    ...(pushedRequests === 'none'
      ? {}
      : {
          pushed_authorization_request_endpoint: issuer + paths.par,
          require_pushed_authorization_requests: pushedRequests === 'required',
        }),
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'form_post'],
    grant_types_supported: grantTypes,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [provider.keys.current.algorithm],
    userinfo_signing_alg_values_supported: ['none', provider.keys.current.algorithm],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    ...(provider.settings.dpop === 'none' ? {} : { dpop_signing_alg_values_supported: proofAlgorithms }),
    code_challenge_methods_supported: ['S256'],
    scopes_supported: provider.settings.scopes ?? ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'],
    claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'acr', 'sid', 'at_hash'],
    prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    authorization_response_iss_parameter_supported: true,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
  }
  for (const change of provider.faults.changes('metadata')) metadata = await applyChange(metadata, change)
  return json(metadata, 200, { 'cache-control': 'public, max-age=3600' })
}

export async function jwks(provider: ProviderState): Promise<Answer> {
  let keySet = provider.keys.jwks
  for (const change of provider.faults.changes('jwks')) keySet = await applyChange(keySet, change)
  return json(keySet, 200, { 'cache-control': 'public, max-age=3600' })
}
