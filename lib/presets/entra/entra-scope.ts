import { loginScope } from '../../core/scope.ts'

/** Microsoft Graph in each cloud. */
const graph = /^https:\/\/(?:graph\.microsoft\.com|(?:dod-)?graph\.microsoft\.us|microsoftgraph\.chinacloudapi\.cn)$/

/** The API that scope is of: what stands before its last slash. Microsoft Graph's may be without. */
function apiOf(word: string): string {
  const api = word.slice(0, Math.max(0, word.lastIndexOf('/')))
  return graph.test(api) ? '' : api
}

/**
 * The scope that Entra exchanges a code with which was got for several APIs: it issues one token for each, and refuses
 * (AADSTS28003) what does not say for which. It is the first that was asked for; tokens for the others come by the refresh
 * token.
 */
export function entraCodeScope(scope: readonly string[]): readonly string[] | undefined {
  const ofApis = scope.filter((word) => !loginScope.has(word))
  const [first, ...others] = [...new Set(ofApis.map(apiOf))]
  if (others.length === 0) return undefined
  return scope.filter((word) => loginScope.has(word) || apiOf(word) === first)
}
