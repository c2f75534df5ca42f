/** The members of a set with their expiry in milliseconds, for records that can only store text. */
type Ends = Readonly<Record<string, number>>

/** A set as text, and the seconds until its last member expires. */
export interface SetText {
  readonly text: string
  readonly seconds: number
}

/** Returns a set with a member added, or with its lifetime replaced. */
export function addMember(set: string | undefined, member: string, seconds: number): SetText {
  return setText({ ...listLiveEnds(set), [member]: Date.now() + seconds * 1000 })
}

/** Returns the members of a set that have not expired. */
export function listMembers(set: string | undefined): string[] {
  return Object.keys(listLiveEnds(set))
}

/** Returns a set without some members; undefined if none is left. */
export function removeMembers(set: string | undefined, members: readonly string[]): SetText | undefined {
  const removed = new Set(members)
  const remaining = Object.entries(listLiveEnds(set)).filter(([member]) => !removed.has(member))
  return remaining.length === 0 ? undefined : setText(Object.fromEntries(remaining))
}

function setText(ends: Ends): SetText {
  return { text: JSON.stringify(ends), seconds: (Math.max(...Object.values(ends)) - Date.now()) / 1000 }
}

function listLiveEnds(set: string | undefined): Ends {
  const now = Date.now()
  const ends = set === undefined ? {} : (JSON.parse(set) as Ends)
  return Object.fromEntries(Object.entries(ends).filter(([, endsAt]) => endsAt > now))
}
