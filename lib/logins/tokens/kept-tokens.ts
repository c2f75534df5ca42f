import { setTimeout as wait } from 'node:timers/promises'
import { fail, LoginNeeded, OidcError, providerUnavailable } from '../../core/errors.ts'
import type { LoginStore } from '../../store/login-store.ts'
import type { Slot } from '../../store/slot.ts'
import type { KeptTokens } from '../../store/tokens.ts'
import { endSlot } from '../logout/end-slot.ts'
import type { Instance } from '../instance.ts'
import { grantedScope } from './target.ts'

/** A login whose tokens are asked for. */
export interface LoginPlace {
  readonly logins: LoginStore
  /** The session that it is of. */
  readonly session: string
  readonly slot: Slot
}

/** What becomes of the tokens of a login, and of its slot. */
export interface TokenChange {
  readonly tokens: KeptTokens
  readonly slotFrom: (slot: Slot) => Slot
}

/** Writes that lost to other writes of the same record. */
const mostTries = 10
/** How long tokens are held for a store that is away, since they may be the login's only ones. */
const holdSeconds = 30
const holdPollMs = 200

/** The tokens of a login; undefined where they are gone, or were sealed with a secret that is not in use. */
export function readTokens({ logins, session, slot }: LoginPlace): Promise<KeptTokens | undefined> {
  return logins.tokens(session, slot.loginId)
}

/**
 * Changes the tokens of a login and its slot in one step, wherever it is by now. `change` gets the tokens that are there,
 * and may be asked again where something else was written meanwhile; where it returns undefined, nothing is written. What
 * is returned are the tokens that are there then; undefined where the login has ended. A store that is away is tried again
 * for a while.
 *
 * @throws OidcError `login_required` where the tokens cannot be opened, `store_unavailable`
 */
export async function changeTokens(
  instance: Instance,
  { logins, session, slot: { loginId } }: LoginPlace,
  change: (there: KeptTokens) => TokenChange | undefined,
): Promise<KeptTokens | undefined> {
  const giveUpAt = Date.now() + holdSeconds * 1000
  let written: string | undefined
  let wanted: KeptTokens | undefined
  for (let tries = 0; tries < mostTries;) {
    try {
      const found = await logins.find(session, loginId)
      const there = found && (await logins.sealedTokens(found.session))
      // Written after all, though the store's answer was lost.
      if (there !== undefined && there === written) return wanted
      if (!found) return undefined
      if (there === undefined) {
        // Another login may have taken both along between the two reads: then the record is another by now.
        if (await logins.isUnchanged(found)) return undefined
        tries++
        continue
      }
      const tokens = logins.open(there, loginId)
      // Another's, that has a newer secret: not ours to overwrite.
      if (!tokens) throw unreadable(instance)
      const changed = change(tokens)
      if (!changed) return tokens
      wanted = changed.tokens
      written = logins.seal(wanted, loginId)
      // What was granted for other APIs stays so when a token for one of them has ended.
      const elsewhere = found.slot.scope.filter((word) => !tokens.scope.includes(word))
      const scope = [...new Set([...grantedScope(wanted), ...elsewhere])]
      const next = { ...changed.slotFrom(found.slot), scope }
      if (await logins.replace(found, next, written)) return wanted
      tries++
    } catch (error) {
      if (!(error instanceof OidcError) || error.code !== 'store_unavailable' || Date.now() > giveUpAt) throw error
      await wait(holdPollMs)
    }
  }
  throw providerUnavailable('the login record kept changing')
}

/**
 * Ends a login that the provider has ended, unless its tokens are others by now: then it returns those. The session goes
 * when it is next seen.
 */
export async function endUnless(
  instance: Instance,
  { logins, session, slot: { loginId } }: LoginPlace,
  areOthers: (there: KeptTokens) => boolean,
): Promise<KeptTokens | undefined> {
  let others: KeptTokens | undefined
  await endSlot(instance, logins, { session, loginId }, 'refresh_refused', ({ sealed }) => {
    if (sealed === undefined) return false
    const there = logins.open(sealed, loginId)
    if (!there) throw unreadable(instance)
    others = areOthers(there) ? there : undefined
    return others !== undefined
  })
  return others
}

/** The tokens of a login cannot be read, and another login brings others. */
export function unreadable(instance: Instance): LoginNeeded {
  return loginAgain(instance, 'the tokens of this login are gone, or were sealed with a secret that is not in use')
}

/** Nothing is wrong with the login, but it has no good access token any more. */
export function loginAgain({ options, owner }: Instance, detail: string): LoginNeeded {
  return new LoginNeeded('login_required', { provider: options.name, owner, scope: [], parameters: {}, detail })
}

/** There is no such login any more. */
export function loginEnded(detail: string): OidcError {
  return fail('login_required', detail)
}
