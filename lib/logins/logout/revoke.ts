import { setTimeout as wait } from 'node:timers/promises'
import type { OidcError } from '../../core/errors.ts'
import { revokeToken, type TokenTypeHint } from '../../provider/revocation.ts'
import type { Instance } from '../instance.ts'

/** Tokens of no use to anybody any more. */
export interface RevokedTokens {
  readonly refreshToken: string | undefined
  readonly accessToken?: string | undefined
}

/**
 * Revokes tokens at the provider (RFC 7009), and waits for it no longer than for any request there. What fails is told,
 * and changes nothing: the login they are of has ended.
 */
export async function revokeTokens(instance: Instance, { refreshToken, accessToken }: RevokedTokens): Promise<void> {
  const revoke = async (token: string | undefined, hint: TokenTypeHint): Promise<void> => {
    if (token !== undefined) await revokeToken(instance.provider, token, hint)
  }
  const both = [revoke(refreshToken, 'refresh_token'), revoke(accessToken, 'access_token')]
  const revoked = Promise.all(both).catch((error: unknown) => {
    instance.events.emit('provider_fault', { detail: (error as OidcError).detail })
  })
  const limit = new AbortController()
  const milliseconds = instance.options.providerTimeoutSeconds * 1000
  await Promise.race([revoked, wait(milliseconds, undefined, { signal: limit.signal }).catch(() => {})])
  limit.abort()
}
