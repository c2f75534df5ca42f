import { setTimeout as wait } from 'node:timers/promises'
import { LoginNeeded, OidcError, providerUnavailable } from '../core/errors.ts'
import type { Records } from '../core/records.ts'
import { liveSlots, loginKey, secondsLeft, tokensKey, writeRecord, type Slot } from '../session/login-record.ts'
import { openTokens, sealTokens, type KeptTokens } from '../session/vault.ts'
import { endSlot } from './end-slot.ts'
import { findLogin, type FoundLogin } from './find.ts'
import type { Instance } from './instance.ts'
import { grantedScope } from './target.ts'

/** A login whose tokens are asked for. */
export interface LoginPlace {
  readonly records: Records
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
export async function readTokens(
  instance: Instance,
  records: Records,
  session: string,
  loginId: string,
): Promise<KeptTokens | undefined> {
  const { name } = instance.options
  const sealed = await records.get(tokensKey(session, name))
  return sealed === undefined ? undefined : openTokens(instance.tokenSealer, sealed, loginId, name)
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
  { records, session, slot: { loginId } }: LoginPlace,
  change: (there: KeptTokens) => TokenChange | undefined,
): Promise<KeptTokens | undefined> {
  const { tokenSealer, options } = instance
  const { name } = options
  const giveUpAt = Date.now() + holdSeconds * 1000
  let written: string | undefined
  let wanted: KeptTokens | undefined
  for (let tries = 0; tries < mostTries;) {
    try {
      const found = await findLogin(records, session, name, loginId)
      const there = found && (await records.get(tokensKey(found.session, name)))
      // Written after all, though the store's answer was lost.
      if (there !== undefined && there === written) return wanted
      if (!found) return undefined
      if (there === undefined) {
        // Another login may have taken both along between the two reads: then the record is another by now.
        if ((await records.get(loginKey(found.session))) === found.text) return undefined
        tries++
        continue
      }
      const tokens = openTokens(tokenSealer, there, loginId, name)
      // Another's, that has a newer secret: not ours to overwrite.
      if (!tokens) throw unreadable(instance)
      const changed = change(tokens)
      if (!changed) return tokens
      wanted = changed.tokens
      written = sealTokens(tokenSealer, wanted, loginId, name)
      // What was granted for other APIs stays so when a token for one of them has ended.
      const elsewhere = found.slot.scope.filter((word) => !tokens.scope.includes(word))
      const scope = [...new Set([...grantedScope(wanted), ...elsewhere])]
      const next = { ...changed.slotFrom(found.slot), scope }
      if (await replaceTokens(records, found, name, next, written)) return wanted
      tries++
    } catch (error) {
      if (!(error instanceof OidcError) || error.code !== 'store_unavailable' || Date.now() > giveUpAt) throw error
      await wait(holdPollMs)
    }
  }
  throw providerUnavailable('the login record kept changing')
}

function replaceTokens(
  records: Records,
  { session, text, record }: FoundLogin,
  name: string,
  slot: Slot,
  sealed: string,
): Promise<boolean> {
  const slots = { ...liveSlots(record), [name]: slot }
  const written = { key: tokensKey(session, name), value: sealed, seconds: secondsLeft({ [name]: slot }) }
  return records.replace(loginKey(session), text, writeRecord(slots, record.version + 1), secondsLeft(slots), {
    written: [written],
  })
}

/**
 * Ends a login that the provider has ended, unless its tokens are others by now: then it returns those. The session goes
 * when it is next seen.
 */
export async function endUnless(
  instance: Instance,
  { records, session, slot }: LoginPlace,
  areOthers: (there: KeptTokens) => boolean,
): Promise<KeptTokens | undefined> {
  const { loginId } = slot
  let others: KeptTokens | undefined
  await endSlot(instance, { records, session, loginId }, 'refresh_refused', ({ sealed }) => {
    if (sealed === undefined) return false
    const there = openTokens(instance.tokenSealer, sealed, loginId, instance.options.name)
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
export function loginAgain({ options }: Instance, detail: string): LoginNeeded {
  return new LoginNeeded('login_required', { provider: options.name, scope: [], parameters: {}, detail })
}

/** There is no such login any more. */
export function loginEnded(detail: string): OidcError {
  return new OidcError('login_required', 'You need to log in first.', { status: 401, detail })
}
