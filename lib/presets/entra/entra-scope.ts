import { loginScope } from '../../core/scope.ts'

/** Origins of Microsoft Graph in each cloud. */
const graph = /^https:\/\/(?:graph\.microsoft\.com|(?:dod-)?graph\.microsoft\.us|microsoftgraph\.chinacloudapi\.cn)$/

/** Returns the API of a scope, the part before its last slash; empty for Microsoft Graph, whose scope may omit it. */
function findApi(word: string): string {
  const api = word.slice(0, Math.max(0, word.lastIndexOf('/')))
  return graph.test(api) ? '' : api
}

/**
 * Returns the scope of the token request if scope of several APIs was requested; otherwise undefined. Entra issues one
 * token for each API, and rejects a token request that does not name the API (AADSTS28003). The access token of the login
 * is for the first API; tokens for the others are obtained with the refresh token.
 */
export function selectCodeScope(scope: readonly string[]): readonly string[] | undefined {
  const ofApis = scope.filter((word) => !loginScope.has(word))
  const [first, ...others] = [...new Set(ofApis.map(findApi))]
  if (others.length === 0) return undefined
  return scope.filter((word) => loginScope.has(word) || findApi(word) === first)
}
