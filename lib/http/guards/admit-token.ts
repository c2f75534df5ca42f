import type { Request } from 'express'
import { OidcError } from '../../core/errors.ts'
import type { BearerAuth } from '../../guard/bearer-auth.ts'
import { BearerError, type Refusal } from '../../guard/bearer-error.ts'
import { verifyToken, type BearerPolicy } from '../../guard/bearer-policy.ts'
import { asksForProof, proveBinding } from '../../guard/binding.ts'
import { judgeToken } from '../../guard/bearer-verdict.ts'
import { TokenRejected } from '../../tokens/token-rejected.ts'
import {
  checkToken,
  longestToken,
  MalformedCredentials,
  presentedToken,
  presentsToken,
  type Credentials,
} from './bearer-credentials.ts'
import { presentationOf } from './presentation.ts'
import { stateOf } from '../request/request-state.ts'
import type { BearerGuard } from './bearer-guard.ts'
import type { CompiledBearerRule } from '../../guard/verdict.ts'

/** Nothing was presented: no error code (RFC 6750 3.1). */
const nothing: Refusal = { code: 'token_required', status: 401, message: 'An access token is required.' }

const rejections: Readonly<Record<TokenRejected['kind'], string>> = {
  expired: 'The access token has expired.',
  audience: 'The access token is for another audience.',
  proof: 'The DPoP proof is not valid, or missing.',
  other: 'The access token is not valid.',
}

/**
 * Judges a request by the access token that it presents. Undefined: it presents none, and the rule lets that through.
 * Returns a promise only where the token is not remembered, has to be proved, or the rule's own `check` waits.
 *
 * @throws BearerError, OidcError `provider_unavailable`, `store_unavailable`, `hook_failed`
 */
export function admitToken(
  guard: BearerGuard,
  rule: CompiledBearerRule,
  req: Request,
): BearerAuth | undefined | Promise<BearerAuth> {
  const { policy } = guard
  try {
    // Nobody is logged in by a session on it: a token that is not good, or malformed, must not be made up for by one.
    const state = presentsToken(req) ? stateOf(req) : undefined
    if (state) state.isByToken = true
    const credentials = presentedToken(req)
    if (credentials === undefined) {
      if (rule.optional) return undefined
      throw new BearerError(policy.challenge, nothing)
    }
    const auth = policy.remembered.get(credentials.token) ?? verifyWellFormed(policy, credentials.token)
    if (!(auth instanceof Promise) && !asksForProof(auth, credentials.scheme)) return settled(guard, rule, auth, req)
    return proved(guard, rule, auth, req, credentials)
  } catch (error) {
    throw refused(policy, error)
  }
}

function verifyWellFormed(policy: BearerPolicy, token: string): Promise<BearerAuth> {
  checkToken(token)
  return verifyToken(policy, token)
}

async function proved(
  guard: BearerGuard,
  rule: CompiledBearerRule,
  verifying: BearerAuth | Promise<BearerAuth>,
  req: Request,
  credentials: Credentials,
): Promise<BearerAuth> {
  const { policy, resource, mtls } = guard
  try {
    const auth = await verifying
    if (asksForProof(auth, credentials.scheme)) {
      await proveBinding(policy.binding, auth, presentationOf(req, credentials, resource, mtls))
    }
    return await judged(policy, rule, auth, req)
  } catch (error) {
    throw refused(policy, error)
  }
}

/** Judges a token that is good, at once where that takes no waiting. */
function settled(
  { policy }: BearerGuard,
  rule: CompiledBearerRule,
  auth: BearerAuth,
  req: Request,
): BearerAuth | Promise<BearerAuth> {
  const outcome = judged(policy, rule, auth, req)
  if (!(outcome instanceof Promise)) return outcome
  return outcome.catch((error: unknown) => {
    throw refused(policy, error)
  })
}

/**
 * Judges an access token that came some other way than with a request: one that is bound to a key is refused.
 *
 * @throws as {@link admitToken}
 */
export async function verifyPresented(
  policy: BearerPolicy,
  rule: CompiledBearerRule,
  token: string,
): Promise<BearerAuth> {
  try {
    if (typeof token !== 'string' || token.length > longestToken) throw new TokenRejected('it is no text, or too long')
    const auth = policy.remembered.get(token) ?? (await verifyToken(policy, token))
    if (asksForProof(auth, 'bearer')) await proveBinding(policy.binding, auth, undefined)
    return await judged(policy, rule, auth)
  } catch (error) {
    throw refused(policy, error)
  }
}

function judged(
  policy: BearerPolicy,
  rule: CompiledBearerRule,
  auth: BearerAuth,
  req?: Request,
): BearerAuth | Promise<BearerAuth> {
  const passed = (refusal: Refusal | undefined): BearerAuth => {
    if (refusal) throw new BearerError(policy.challenge, refusal, auth.sub)
    return auth
  }
  const refusal = judgeToken(auth, rule, req, policy.clockToleranceSeconds)
  return refusal instanceof Promise ? refusal.then(passed) : passed(refusal)
}

/** What was thrown on the way, as an error for the client. */
function refused({ challenge }: BearerPolicy, thrown: unknown): OidcError {
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
