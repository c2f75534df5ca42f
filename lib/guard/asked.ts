import { nowSeconds } from '../core/clock.ts'
import type { Slot } from '../session/login-record.ts'

/** What a login was asked for, and did not bring, is not asked for again for so many seconds. */
const repeatSeconds = 300

/** Whether a login was asked for all of this a moment ago, so that another would bring no more. */
export function wasAskedFor(
  { asked, startedAt }: Slot,
  scope: readonly string[],
  parameters: Readonly<Record<string, string | undefined>>,
): boolean {
  if (!asked || nowSeconds() - startedAt >= repeatSeconds) return false
  return (
    scope.every((word) => asked.scope.includes(word)) &&
    Object.entries(parameters).every(([name, value]) => asked.parameters[name] === value)
  )
}
