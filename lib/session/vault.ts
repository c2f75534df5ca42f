import type { Sealer } from '../core/seal.ts'
import type { TokenSet } from '../config/claims.ts'

const format = 1

/** Seals the tokens of one login; they open only for the same login and instance. */
export function sealTokens(sealer: Sealer, tokens: TokenSet, loginId: string, instance: string): string {
  return sealer.seal(JSON.stringify({ format, ...tokens }), context(loginId, instance))
}

/** The tokens of a login; undefined where they were sealed otherwise, for another login, or by a newer version. */
export function openTokens(sealer: Sealer, sealed: string, loginId: string, instance: string): TokenSet | undefined {
  const text = sealer.open(sealed, context(loginId, instance))
  if (text === undefined) return undefined
  const { format: written, ...tokens } = JSON.parse(text) as TokenSet & { format: number }
  if (written !== format) return undefined
  return Object.freeze({
    ...tokens,
    refreshToken: tokens.refreshToken,
    obtainedAt: tokens.obtainedAt,
    expiresAt: tokens.expiresAt,
  })
}

function context(loginId: string, instance: string): string {
  return `${instance} ${loginId}`
}
