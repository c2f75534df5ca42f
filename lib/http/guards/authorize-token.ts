import type { Request } from 'express'
import { OidcError } from '../../core/errors.ts'
import type { BearerAuth } from '../../guard/bearer-auth.ts'
import { BearerError, type Refusal } from '../../guard/bearer-error.ts'
import { verifyToken, type BearerPolicy } from '../../guard/bearer-policy.ts'
import { isKeyBound, proveBinding, type Presentation } from '../../guard/binding.ts'
import { evaluateToken } from '../../guard/token-decision.ts'
import { TokenRejected } from '../../tokens/token-rejected.ts'
import {
  longestToken,
  MalformedCredentials,
  readPresentedToken,
  hasToken,
  requireTokenForm,
} from './bearer-credentials.ts'
import { readPresentation } from './presentation.ts'
import { getRequestState } from '../request/request-state.ts'
import type { BearerGuard } from './bearer-guard.ts'
import type { CompiledBearerRule } from '../../guard/requirements.ts'

/** The refusal of a request without a token. It has no `error` (RFC 6750, section 3.1). */
const nothing: Refusal = {
  code: 'token_required',
  status: 401,
  message: 'An access token is required in the Authorization header.',
}

const rejections: Readonly<Record<TokenRejected['kind'], string>> = {
  expired: 'The access token has expired.',
  audience: 'The audience (aud) of the access token is not this API.',
  proof: 'The proof in the DPoP header is missing or invalid.',
  other: 'The access token is invalid.',
}

/**
 * Authorizes a request by the access token that it presents; undefined if it presents none and the rule allows that.
 *
 * @throws BearerError, OidcError `provider_unavailable`, `store_unavailable`, `hook_failed`
 */
export async function authorizeToken(
  guard: BearerGuard,
  rule: CompiledBearerRule,
  req: Request,
): Promise<BearerAuth | undefined> {
  const { policy, resource, mtls } = guard
  try {
    // From here on the session is ignored: it must not compensate for an invalid token.
    const state = hasToken(req) ? getRequestState(req) : undefined
    if (state) state.isByToken = true
    const credentials = readPresentedToken(req)
    if (credentials) {
      const { token } = credentials
      const auth = policy.remembered.get(token) ?? (await verifyToken(policy, requireTokenForm(token)))
      const presented = readPresentation(req, credentials, resource, mtls)
      return await authorizePresented(policy, rule, auth, presented, req)
    }
  } catch (error) {
    throw toRefusal(policy, error)
  }
  if (rule.optional) return undefined
  throw new BearerError(policy.challenge, nothing)
}

/**
 * Verifies an access token that did not come with a request. A token that is bound to a key is refused.
 *
 * @throws as {@link authorizeToken}
 */
export async function verifyGivenToken(
  policy: BearerPolicy,
  rule: CompiledBearerRule,
  token: string,
): Promise<BearerAuth> {
  try {
    if (typeof token !== 'string' || token.length > longestToken)
      throw new TokenRejected('the token is not a string, or is too long')
    const auth = policy.remembered.get(token) ?? (await verifyToken(policy, token))
    return await authorizePresented(policy, rule, auth)
  } catch (error) {
    throw toRefusal(policy, error)
  }
}

async function authorizePresented(
  policy: BearerPolicy,
  rule: CompiledBearerRule,
  auth: BearerAuth,
  presentation?: Presentation,
  req?: Request,
): Promise<BearerAuth> {
  if (isKeyBound(auth, presentation?.scheme ?? 'bearer')) await proveBinding(policy.binding, auth, presentation)
  const refusal = await evaluateToken(auth, rule, req, policy.clockToleranceSeconds)
  if (refusal) throw new BearerError(policy.challenge, refusal, auth.sub)
  return auth
}

/** Converts a thrown value into the error for the client. */
function toRefusal({ challenge }: BearerPolicy, thrown: unknown): OidcError {
  if (thrown instanceof OidcError) return thrown
  if (thrown instanceof MalformedCredentials) {
    const { message } = thrown
    return new BearerError(challenge, {
      code: 'request_invalid',
      status: 400,
      error: 'invalid_request',
      message,
      detail: message,
    })
  }
  if (thrown instanceof TokenRejected) {
    const { kind, message: detail } = thrown
    return new BearerError(challenge, {
      code: 'token_invalid',
      status: 401,
      error: kind === 'proof' ? 'invalid_dpop_proof' : 'invalid_token',
      message: rejections[kind],
      detail,
      isByProof: kind === 'proof',
    })
  }
  throw thrown
}
