import { ResponseBodyError, refreshTokenGrant } from 'openid-client'
import { OidcError } from '../core/errors.ts'
import { makeProofOption } from './dpop-keys.ts'
import { convertClientError, describeGrantError } from './client-fault.ts'
import type { Provider } from './provider.ts'
import { isInvalidGrant, readIssuedTokens, type IssuedTokens, type DpopHandle } from './token-response.ts'

/** The provider's rejection of a refresh token (RFC 6749, section 5.2): the login has ended there. */
export class RefreshRefused extends OidcError {
  constructor(detail: string) {
    super('login_required', 'You need to log in again.', { status: 401, detail })
  }
}

/** A refresh that the provider grants only after an interaction with the user. The login remains valid. */
export class InteractionNeeded extends OidcError {
  /** Value of `claims` for the authorization request (OIDC Core, section 5.5), as Entra's Conditional Access sends it. */
  readonly claims: string | undefined

  constructor(error: string, claims: string | undefined) {
    super('login_required', 'You need to log in again.', {
      status: 401,
      detail: `the provider requires user interaction for this token: ${JSON.stringify(error.slice(0, 100))}`,
    })
    this.claims = claims
  }
}

/** Scope and resources of a refresh, if they differ from those granted (RFC 6749, section 6; RFC 8707, section 2.2). */
export interface RefreshParameters {
  readonly scope: readonly string[] | undefined
  readonly resource: readonly string[]
}

/**
 * Exchanges a refresh token for new tokens (RFC 6749, section 6), with a DPoP proof if they are bound to a key (RFC 9449,
 * section 5).
 *
 * @throws RefreshRefused, InteractionNeeded, OidcError as {@link convertClientError}
 */
export async function refreshGrant(
  provider: Provider,
  refreshToken: string,
  { scope, resource }: RefreshParameters,
  dpop: DpopHandle | undefined,
): Promise<IssuedTokens> {
  const { configuration } = await provider.ready()
  const parameters = new URLSearchParams()
  for (const one of resource) parameters.append('resource', one)
  if (scope) parameters.set('scope', scope.join(' '))
  try {
    return readIssuedTokens(
      await refreshTokenGrant(configuration, refreshToken, parameters, makeProofOption(dpop)),
      dpop,
    )
  } catch (error) {
    const needed = findInteraction(error)
    if (needed) throw needed
    const secrets = [refreshToken]
    if (isInvalidGrant(error)) {
      const detail = 'the provider rejected the refresh token as unknown, expired or revoked'
      throw new RefreshRefused(await describeGrantError(provider, error, detail, secrets))
    }
    throw await convertClientError(provider, error, { what: 'refresh', endpoint: 'token_endpoint', secrets })
  }
}

/** Errors that an interactive login resolves (OIDC Core, section 3.1.2.6; RFC 6749, section 5.2; RFC 8707, section 2). */
const interactive = new Set([
  'interaction_required',
  'login_required',
  'consent_required',
  'account_selection_required',
  'invalid_scope',
  'invalid_target',
])

/** Values of `suberror` with which Entra's `invalid_grant` means that the refresh token is still valid. */
const interactiveSuberrors = new Set(['consent_required', 'basic_action', 'additional_action'])

function findInteraction(error: unknown): InteractionNeeded | undefined {
  if (!(error instanceof ResponseBodyError)) return undefined
  const { suberror, claims } = error.cause as { suberror?: unknown; claims?: unknown }
  const isBySuberror = error.error === 'invalid_grant' && interactiveSuberrors.has(suberror as string)
  if (!isBySuberror && !interactive.has(error.error)) return undefined
  return new InteractionNeeded(
    isBySuberror ? (suberror as string) : error.error,
    typeof claims === 'string' ? claims : undefined,
  )
}
