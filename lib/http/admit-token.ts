import type { Request } from 'express'
import { OidcError } from '../core/errors.ts'
import type { BearerAuth } from '../guard/bearer-auth.ts'
import { BearerError, type Refusal } from '../guard/bearer-error.ts'
import { verifyToken, type BearerPolicy } from '../guard/bearer-policy.ts'
import type { CompiledBearerRule } from '../guard/bearer-rule.ts'
import { judgeToken } from '../guard/bearer-verdict.ts'
import { TokenRejected } from '../tokens/faults.ts'
import { MalformedCredentials, presentedToken } from './bearer-credentials.ts'
import { stateOf } from './request-state.ts'

/** Nothing was presented: no error code (RFC 6750 3.1). */
const nothing: Refusal = { code: 'token_required', status: 401, message: 'An access token is required.' }

const rejections: Readonly<Record<TokenRejected['kind'], string>> = {
  expired: 'The access token has expired.',
  audience: 'The access token is for another audience.',
  other: 'The access token is not valid.',
}

/**
 * Judges a request by the access token that it presents. Undefined: it presents none, and the rule lets that through.
 * Returns a promise only where the token is not remembered or the rule's own `check` waits.
 *
 * @throws BearerError, OidcError `provider_unavailable`, `hook_failed`; they are told to who listens.
 */
export function admitToken(
  policy: BearerPolicy,
  rule: CompiledBearerRule,
  req: Request,
): BearerAuth | undefined | Promise<BearerAuth> {
  try {
    const token = presentedToken(req)
    if (token === undefined) {
      if (rule.optional) return undefined
      throw new BearerError(policy.challenge, nothing)
    }
    // From here on nobody is logged in by a session: a token that is not good must not be made up for by one.
    const state = stateOf(req)
    if (state) state.isByToken = true
    const auth = verifyToken(policy, token)
    const admitted =
      auth instanceof Promise
        ? auth.then((verified) => judged(policy, rule, verified, req))
        : judged(policy, rule, auth, req)
    if (!(admitted instanceof Promise)) return admitted
    return admitted.catch((error: unknown) => {
      throw refused(policy, error)
    })
  } catch (error) {
    throw refused(policy, error)
  }
}

/**
 * Judges an access token that came some other way than with a request.
 *
 * @throws as {@link admitToken}
 */
export async function verifyPresented(
  policy: BearerPolicy,
  rule: CompiledBearerRule,
  token: string,
): Promise<BearerAuth> {
  try {
    return await judged(policy, rule, await verifyToken(policy, token))
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
      error: 'invalid_token',
      message: rejections[kind],
      detail,
    })
  }
  throw thrown
}
