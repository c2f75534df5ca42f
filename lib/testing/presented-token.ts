import { type Answer, json } from './answer.ts'
import { nonceHeaders, proofAlgorithms, readProof } from './dpop.ts'
import type { TestRequest } from './request.ts'
import { type AccessToken, activeToken, type ProviderState } from './state.ts'

type Scheme = 'Bearer' | 'DPoP'

function challenge(scheme: Scheme, parameters: Readonly<Record<string, string>> = {}): string {
  const all = { ...parameters, ...(scheme === 'DPoP' ? { algs: proofAlgorithms.join(' ') } : {}) }
  const pairs = Object.entries(all).map(([name, value]) => `${name}="${value}"`)
  return [scheme, pairs.join(', ')].join(' ').trimEnd()
}

/** Rejects the access token of a request (RFC 6750 section 3, RFC 9449 section 7.1). */
export function refuseToken(
  status: 401 | 403,
  scheme: Scheme,
  parameters: { readonly error: string; readonly error_description: string; readonly scope?: string },
  headers: Answer['headers'] = {},
): Answer {
  const { error, error_description } = parameters
  return json({ error, error_description }, status, {
    ...headers,
    'www-authenticate': challenge(scheme, { ...parameters }),
  })
}

/** The access token in the header, or in the form of a POST (RFC 6750 section 2). */
function credentials({ headers, method, body }: TestRequest): { scheme: Scheme; text: string } | undefined {
  const [, scheme = '', text] = /^(bearer|dpop) +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  if (text !== undefined) return { scheme: scheme.toLowerCase() === 'dpop' ? 'DPoP' : 'Bearer', text }
  const posted = method === 'POST' ? new URLSearchParams(body).get('access_token') : null
  return posted === null ? undefined : { scheme: 'Bearer', text: posted }
}

/** An access token that was presented correctly, and the headers that give the client its next DPoP nonce. */
export interface PresentedToken {
  readonly scheme: Scheme
  readonly token: AccessToken
  readonly headers: Answer['headers']
}

/**
 * Returns the presented token, or an error response. A bound token requires a proof of its key, and an unbound one the
 * Bearer scheme (RFC 9449 section 7.1).
 */
export async function presentedToken(provider: ProviderState, request: TestRequest): Promise<PresentedToken | Answer> {
  const presented = credentials(request)
  const offersDpop = provider.settings.dpop === 'offered'
  if (presented === undefined || (presented.scheme === 'DPoP' && !offersDpop)) {
    const challenges = [challenge('Bearer'), ...(offersDpop ? [challenge('DPoP')] : [])]
    return { status: 401, headers: { 'www-authenticate': challenges }, body: '' }
  }
  const { scheme, text } = presented
  const refuse = (by: Scheme, error: string, error_description: string, headers?: Answer['headers']): Answer =>
    refuseToken(401, by, { error, error_description }, headers)
  const token = activeToken(provider, text)
  if (token === undefined) return refuse(scheme, 'invalid_token', 'the token is not active')
  if (scheme === 'Bearer') {
    return token.jkt === undefined
      ? { scheme, token, headers: {} }
      : refuse('DPoP', 'invalid_token', 'the token is bound to a key')
  }
  const proof = await readProof(provider, request, text)
  const headers = nonceHeaders(provider, proof)
  if ('error' in proof) return refuse(scheme, proof.error, proof.description, headers)
  if (proof.jkt === undefined) return refuse(scheme, 'invalid_dpop_proof', 'the DPoP proof is missing')
  if (proof.jkt !== token.jkt) return refuse(scheme, 'invalid_token', 'the token is not bound to this key', headers)
  return { scheme, token, headers }
}
