/** Sets as text, for records that know of nothing else: their members, and when each of them ends. */
type Ends = Readonly<Record<string, number>>

/** A set as text, and the seconds until the last of its members ends. */
export interface SetText {
  readonly text: string
  readonly seconds: number
}

/** A set with one member more. */
export function withMember(set: string | undefined, member: string, seconds: number): SetText {
  return setText({ ...liveEnds(set), [member]: Date.now() + seconds * 1000 })
}

/** The members of a set that have not ended. */
export function membersOf(set: string | undefined): string[] {
  return Object.keys(liveEnds(set))
}

/** A set without some members; undefined where it has none then. */
export function withoutMembers(set: string | undefined, members: readonly string[]): SetText | undefined {
  const gone = new Set(members)
  const left = Object.entries(liveEnds(set)).filter(([member]) => !gone.has(member))
  return left.length === 0 ? undefined : setText(Object.fromEntries(left))
}

function setText(ends: Ends): SetText {
  return { text: JSON.stringify(ends), seconds: (Math.max(...Object.values(ends)) - Date.now()) / 1000 }
}

function liveEnds(set: string | undefined): Ends {
  const now = Date.now()
  const ends = set === undefined ? {} : (JSON.parse(set) as Ends)
  return Object.fromEntries(Object.entries(ends).filter(([, endsAt]) => endsAt > now))
}
