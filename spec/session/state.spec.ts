import { describe, expect, it } from 'vitest'
import { deriveSeals } from '../../lib/core/seals.ts'
import { createTransactionId, readState, writeState } from '../../lib/session/state.ts'

const secret = 'a secret of more than thirty-two characters'
const seals = deriveSeals({ secrets: [secret], owner: 'owner' })
const otherOwner = deriveSeals({ secrets: [secret], owner: 'other owner' })
const otherSecret = deriveSeals({ secrets: ['another secret, of more than thirty-two characters'], owner: 'owner' })

describe('a state', () => {
  it('a state contains the id of its login and the number of the attempt', () => {
    const id = createTransactionId()
    for (const attempt of [0, 1, 9]) {
      expect(readState(seals, writeState(seals, { id, attempt }))).toEqual({ id, attempt })
    }
  })

  it('the id in a state has 128 random bits and differs for each login', { meta: { id: 'state-1' } }, () => {
    const ids = Array.from({ length: 1000 }, createTransactionId)
    expect(new Set(ids).size).toBe(1000)
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/)
  })

  it('a state is accepted only by the instance that wrote it', { meta: { id: 'state-2' } }, () => {
    const state = writeState(seals, { id: createTransactionId(), attempt: 0 })
    expect(readState(otherOwner, state)).toBeUndefined()
    expect(readState(otherSecret, state)).toBeUndefined()
    // Not even if only the key of one part differs.
    expect(readState({ ...seals, state: otherOwner.state }, state)).toBeUndefined()
  })

  it('the state of a silent login contains its public page, and only its own instance can read it', () => {
    const id = createTransactionId()
    for (const openPage of ['/', '/news?tab=1', `/${'a'.repeat(499)}`]) {
      const state = writeState(seals, { id, attempt: 0, openPage })
      expect(readState(seals, state)).toEqual({ id, attempt: 0, openPage })
      expect(readState(otherOwner, state)).toBeUndefined()
      expect(readState({ ...seals, openPage: otherOwner.openPage }, state)).toBeUndefined()
      expect(state.length).toBeLessThan(800)
      expect(writeState(seals, { id, attempt: 0, openPage })).not.toBe(state)
    }
  })

  it.each([undefined, '/news'])('a state with any character changed is rejected (public page: %s)', (openPage) => {
    const state = writeState(seals, { id: createTransactionId(), attempt: 0, openPage })
    for (let at = 0; at < state.length; at++) {
      for (const other of ['A', 'b', '1', '.', '-']) {
        const changed = state.slice(0, at) + other + state.slice(at + 1)
        if (changed !== state) expect(readState(seals, changed)).toBeUndefined()
      }
    }
  })

  it('a state in any other form is rejected', () => {
    const state = writeState(seals, { id: createTransactionId(), attempt: 0 })
    const [id, attempt, mac] = state.split('.') as [string, string, string]
    const others = ['', '.', '..', id, `${id}.${attempt}`, `${state}.`, `${state}\n`, ` ${state}`, `${state}=`]
    others.push(
      `${id}.${mac}`,
      `${id}.00.${mac}`,
      `${id}.-1.${mac}`,
      `${id}..${mac}`,
      `${id}.${attempt}.`,
      'x'.repeat(5000),
    )
    for (const other of others) expect(readState(seals, other)).toBeUndefined()
  })
})
