import type { OidcUnknownClaims } from '../../config/claims.ts'

type Groups =
  | false
  | ((claims: OidcUnknownClaims, accessToken: string) => readonly string[] | Promise<readonly string[]>)
  | undefined

/** Whether a user has too many groups for a token. The token then refers to them, or only indicates that there are some. */
function isOverage({ groups, hasgroups, _claim_names: names }: OidcUnknownClaims): boolean {
  const isElsewhere = names !== null && typeof names === 'object' && Object.hasOwn(names, 'groups')
  const isHinted = hasgroups !== undefined && hasgroups !== false && hasgroups !== 'false'
  return isElsewhere || isHinted || (groups !== undefined && !Array.isArray(groups))
}

/** Removes the claims that indicate an overage, so that resolved claims look like those of any other token. */
const resolved = { hasgroups: undefined, _claim_names: undefined, _claim_sources: undefined }

/** Returns claims that replace those of a token with a group overage; none if the token needs no change. */
export async function resolveGroups(
  claims: OidcUnknownClaims,
  groups: Groups,
  accessToken: string,
): Promise<OidcUnknownClaims> {
  if (groups === false) return { groups: undefined, ...resolved }
  if (!groups || !isOverage(claims)) return {}
  const found: unknown = await groups(claims, accessToken)
  if (Array.isArray(found) && found.every((group) => typeof group === 'string'))
    return { groups: [...found], ...resolved }
  throw new TypeError('`groups` must return an array of strings')
}

/** Returns why a user with too many groups is rejected: without `groups` the application would see no groups. */
export function findGroupsFault(claims: OidcUnknownClaims, groups: Groups): string | undefined {
  if (groups !== undefined || !isOverage(claims)) return undefined
  return 'the user has too many groups for a token (group overage); pass `groups`, a function that fetches them, or false to ignore groups'
}
