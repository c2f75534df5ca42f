import type { UnknownClaims } from '../../config/claims.ts'

type Groups =
  false | ((claims: UnknownClaims, accessToken: string) => readonly string[] | Promise<readonly string[]>) | undefined

/** Whether a user is in more groups than a token has room for, which then says where they are, or that there are some. */
function isOverage({ groups, hasgroups, _claim_names: names }: UnknownClaims): boolean {
  const isElsewhere = names !== null && typeof names === 'object' && Object.hasOwn(names, 'groups')
  const isHinted = hasgroups !== undefined && hasgroups !== false && hasgroups !== 'false'
  return isElsewhere || isHinted || (groups !== undefined && !Array.isArray(groups))
}

/** What the markers of that are, and what is taken away with them. */
const resolved = { hasgroups: undefined, _claim_names: undefined, _claim_sources: undefined }

/** The groups of a user that a token only refers to, as claims that take the place of its own. */
export async function groupsOf(claims: UnknownClaims, groups: Groups, accessToken: string): Promise<UnknownClaims> {
  if (groups === false) return { groups: undefined, ...resolved }
  if (!groups || !isOverage(claims)) return {}
  const found: unknown = await groups(claims, accessToken)
  if (Array.isArray(found) && found.every((group) => typeof group === 'string'))
    return { groups: [...found], ...resolved }
  throw new TypeError('groups must return an array of strings')
}

/** Why a user with too many groups is refused. */
export function groupsFault(claims: UnknownClaims, groups: Groups): string | undefined {
  if (groups !== undefined || !isOverage(claims)) return undefined
  return 'the user is in more groups than a token has room for: pass groups: a function that fetches them, or false where the application looks at none'
}
