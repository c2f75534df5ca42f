import { nowSeconds } from '../../core/clock.ts'
import type { AccessToken, KeptTokens } from '../../store/tokens.ts'
import { loginScope } from '../../core/scope.ts'

/** What an access token is to be good for; with neither it is the one that the login came with. */
export interface Target {
  /** Undefined: all that was granted. */
  readonly scope: readonly string[] | undefined
  /** Where it is to be used (RFC 8707). */
  readonly resource: readonly string[]
}

/** The access token that the login came with. */
export const ownTarget: Target = { scope: undefined, resource: [] }

/** The name that a token is kept by; empty for the login's own. */
export function nameOfTarget({ scope, resource }: Target): string {
  if (scope === undefined && resource.length === 0) return ''
  return JSON.stringify([scope?.toSorted() ?? null, resource.toSorted()])
}

/** Access tokens of a login besides its own, at most: those that were got for the longest time are forgotten. */
const mostOthers = 20

/** The access token of a login by its name. */
export function tokenNamed(kept: KeptTokens, name: string): AccessToken | undefined {
  if (name === '') return kept
  return kept.others && Object.hasOwn(kept.others, name) ? kept.others[name] : undefined
}

/** The access tokens besides the login's own with one more, without those that have ended. */
export function withOther(kept: KeptTokens, name: string, token: AccessToken): KeptTokens {
  const now = nowSeconds()
  const lasting = Object.entries(kept.others ?? {}).filter(
    ([other, { expiresAt }]) => other !== name && (expiresAt === undefined || expiresAt > now),
  )
  return { ...kept, others: Object.fromEntries([...lasting.slice(1 - mostOthers), [name, token]]) }
}

/** All scope that the provider has granted a login, for whatever resource. */
export function grantedScope(kept: KeptTokens): readonly string[] {
  const others = Object.entries(kept.others ?? {}).flatMap(([name, { scope }]) => (isExchanged(name) ? [] : scope))
  return [...new Set([...kept.scope, ...others])]
}

const exchangedPrefix = 'exchange '

/** The name that a token is kept by which was got in exchange for another (RFC 8693). */
export function nameOfExchanged(audience: readonly string[], { scope, resource }: Target): string {
  return exchangedPrefix + JSON.stringify([audience.toSorted(), scope?.toSorted() ?? null, resource.toSorted()])
}

function isExchanged(name: string): boolean {
  return name.startsWith(exchangedPrefix)
}

/** What a token lacks of the scope that it was asked for with. Entra names scope with and without its resource. */
export function missingScope({ scope: wanted }: Target, token: AccessToken): readonly string[] {
  const isGranted = (word: string): boolean =>
    loginScope.has(word) ||
    word.endsWith('/.default') ||
    token.scope.some((granted) => granted === word || granted.endsWith(`/${word}`) || word.endsWith(`/${granted}`))
  return (wanted ?? []).filter((word) => !isGranted(word))
}
