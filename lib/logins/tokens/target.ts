import { nowSeconds } from '../../core/clock.ts'
import type { AccessToken, StoredTokens } from '../../store/tokens.ts'
import { loginScope } from '../../core/scope.ts'

/** Scope and resources that an access token is for. With neither, it is the login's own token. */
export interface Target {
  /** Undefined for all granted scope. */
  readonly scope: readonly string[] | undefined
  /** APIs that will accept the token (RFC 8707, section 2). */
  readonly resource: readonly string[]
}

/** Target of the login's own access token. */
export const ownTarget: Target = { scope: undefined, resource: [] }

/** Returns the name that a token is stored under; empty for the login's own. */
export function formatTargetName({ scope, resource }: Target): string {
  if (scope === undefined && resource.length === 0) return ''
  return JSON.stringify([scope?.toSorted() ?? null, resource.toSorted()])
}

/** Maximum number of access tokens of a login in addition to its own. The oldest ones above it are dropped. */
const mostAdditional = 20

/** Returns the access token of a login by its name. */
export function findNamedToken(stored: StoredTokens, name: string): AccessToken | undefined {
  if (name === '') return stored
  return stored.additional && Object.hasOwn(stored.additional, name) ? stored.additional[name] : undefined
}

/** Adds an additional access token, and drops the additional ones that have expired. */
export function addAdditionalToken(stored: StoredTokens, name: string, token: AccessToken): StoredTokens {
  const now = nowSeconds()
  const lasting = Object.entries(stored.additional ?? {}).filter(
    ([other, { expiresAt }]) => other !== name && (expiresAt === undefined || expiresAt > now),
  )
  return { ...stored, additional: Object.fromEntries([...lasting.slice(1 - mostAdditional), [name, token]]) }
}

/** Returns the scope that the provider has granted to a login for all resources. Exchanged tokens do not count. */
export function listGrantedScope(stored: StoredTokens): readonly string[] {
  const others = Object.entries(stored.additional ?? {}).flatMap(([name, { scope }]) =>
    isExchanged(name) ? [] : scope,
  )
  return [...new Set([...stored.scope, ...others])]
}

const exchangedPrefix = 'exchange '

/** Returns the name that the token of a token exchange is stored under (RFC 8693). */
export function formatExchangeName(audience: readonly string[], { scope, resource }: Target): string {
  return exchangedPrefix + JSON.stringify([audience.toSorted(), scope?.toSorted() ?? null, resource.toSorted()])
}

function isExchanged(name: string): boolean {
  return name.startsWith(exchangedPrefix)
}

/** Returns the requested scope that a token lacks. Entra writes scope both with and without its resource as a prefix. */
export function findMissingScope({ scope: requested }: Target, token: AccessToken): readonly string[] {
  const isGranted = (word: string): boolean =>
    loginScope.has(word) ||
    word.endsWith('/.default') ||
    token.scope.some((granted) => granted === word || granted.endsWith(`/${word}`) || word.endsWith(`/${granted}`))
  return (requested ?? []).filter((word) => !isGranted(word))
}
