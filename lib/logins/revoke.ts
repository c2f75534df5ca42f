import { setTimeout as wait } from 'node:timers/promises'
import type { OidcError } from '../core/errors.ts'
import { revokeToken, type TokenTypeHint } from '../provider/revocation.ts'
import type { Instance } from './instance.ts'

export interface RevokedTokens {
  readonly refreshToken: string | undefined
  readonly accessToken?: string | undefined
}

/**
 * Revokes tokens at the provider (RFC 7009, section 2), and waits for at most the timeout of one provider request. Never
 * rejects: a failure is only reported, because the login has already ended.
 */
export async function revokeTokens(instance: Instance, { refreshToken, accessToken }: RevokedTokens): Promise<void> {
  const revoke = async (token: string | undefined, hint: TokenTypeHint): Promise<void> => {
    if (token !== undefined) await revokeToken(instance.provider, token, hint)
  }
  const both = [revoke(refreshToken, 'refresh_token'), revoke(accessToken, 'access_token')]
  const revoked = Promise.all(both).catch((error: unknown) => {
    instance.events.log.failure(error)
    instance.events.emit('provider_fault', { detail: (error as OidcError).detail })
  })
  const limit = new AbortController()
  const milliseconds = instance.options.providerTimeoutSeconds * 1000
  await Promise.race([revoked, wait(milliseconds, undefined, { signal: limit.signal }).catch(() => {})])
  limit.abort()
}
