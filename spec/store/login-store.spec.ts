import { describe, expect, it, vi } from 'vitest'
import { deriveSeals } from '../../lib/core/seals.ts'
import { MemoryRecords } from '../../lib/store/memory-records.ts'
import { writeRecord, writeReplaced } from '../../lib/store/login-record.ts'
import { makeGroupKey } from '../../lib/store/login-groups.ts'
import { makeLoginKey, makeSessionKey, makeTokensKey } from '../../lib/store/login-records.ts'
import { LoginStore } from '../../lib/store/login-store.ts'
import { deriveOwner } from '../../lib/store/owner.ts'
import { putTokens, makeLoginEntry, someTokens as tokens } from '../support/login-entries.ts'

const secrets = ['a secret of more than thirty-two characters']
/** The login store of an instance named `default` at an issuer. */
function storeAt(issuer: string, records: MemoryRecords): { logins: LoginStore; owner: string } {
  const owner = deriveOwner({ issuer, clientId: 'web', name: 'default' })
  return {
    logins: new LoginStore(records, { name: 'default', owner, sealer: deriveSeals({ secrets, owner }).tokens }),
    owner,
  }
}

/** Two instances with the same name, client, secret and records, and a login of Alice with the first instance. */
async function twoOwners() {
  const records = new MemoryRecords()
  const [ours, theirs] = [
    storeAt('https://id.example.com', records),
    storeAt('https://other.example.com', records),
  ] as const
  const alice = makeLoginEntry('alice', { owner: ours.owner, sid: 'sid-1' })
  await records.set(makeLoginKey('s'), writeRecord({ default: alice }, 1, undefined), 60)
  await putTokens(ours.logins, 's', alice, tokens)
  await ours.logins.index('s', alice)
  return { records, ours: ours.logins, theirs: theirs.logins, alice }
}

describe('a LoginStore with the same name and secret, but another provider', () => {
  it("does not find another owner's login, neither in its session nor by its id", async () => {
    const { ours, theirs, alice } = await twoOwners()
    expect(await ours.find('s', alice.loginId)).toMatchObject({ session: 's', entry: alice })
    expect(await theirs.find('s', alice.loginId)).toBeUndefined()
    expect(await ours.findById(alice.loginId)).toMatchObject({ session: 's', entry: alice })
    expect(await theirs.findById(alice.loginId)).toBeUndefined()
    const record = await ours.loginRecords.read('s')
    expect(ours.liveEntry(record)).toEqual(alice)
    expect(theirs.liveEntry(record)).toBeUndefined()
  })

  it("does not find another owner's login that was moved to another session", async () => {
    const { records, ours, theirs, alice } = await twoOwners()
    await records.set(makeLoginKey('former'), writeReplaced('s', { default: alice }), 60)
    const former = await ours.loginRecords.read('former')
    expect(ours.movedLogin(former)).toBe(alice.loginId)
    expect(theirs.movedLogin(former)).toBeUndefined()
    expect(await ours.find('former', alice.loginId)).toMatchObject({ session: 's' })
    expect(await theirs.find('former', alice.loginId)).toBeUndefined()
  })

  it('does not open the tokens of another owner', async () => {
    const { ours, theirs, alice } = await twoOwners()
    expect(await ours.tokens('s', alice.loginId)).toEqual(tokens)
    expect(await theirs.tokens('s', alice.loginId)).toBeUndefined()
  })

  it("does not end another owner's login, and does not find it in a group", async () => {
    const { records, ours, theirs, alice } = await twoOwners()
    expect(await theirs.end({ session: 's', loginId: alice.loginId })).toEqual({ outcome: 'missing' })
    for (const group of [{ sub: 'alice' }, { sid: 'sid-1' }]) {
      expect(await theirs.members(group)).toEqual([])
      expect(await ours.members(group)).toEqual([alice.loginId])
    }
    expect(await records.get(makeTokensKey('s', 'default'))).toBeDefined()
    expect(await ours.end({ session: 's', loginId: alice.loginId })).toMatchObject({
      outcome: 'ended',
      login: { entry: alice, isLast: true },
    })
  })

  it("does not end another owner's login in progress", async () => {
    const { ours, theirs, alice } = await twoOwners()
    const logout = { issuer: undefined, issuedAt: undefined }
    const begun = { ...alice, startedAt: Date.now() / 1000 - 1 }
    for (const group of [{ sub: 'alice' }, { sid: 'sid-1' }]) await theirs.leaveTombstone({ group, ...logout })
    expect(await ours.wasLoggedOut(begun)).toBe(false)
    await ours.leaveTombstone({ group: { sub: 'alice' }, ...logout })
    expect(await ours.wasLoggedOut(begun)).toBe(true)
  })
})

describe('forget() and forgetMembers()', () => {
  it('removes a login from the index and its groups, except from a group that the caller names', async () => {
    const { records, ours, alice } = await twoOwners()
    await ours.forget(alice, { sid: 'sid-1' })
    expect(await ours.members({ sub: 'alice' })).toEqual([])
    expect(await ours.members({ sid: 'sid-1' })).toEqual([alice.loginId])
    expect(await records.get(makeSessionKey(alice.loginId))).toBeUndefined()
    await ours.forget(alice)
    expect(await ours.members({ sid: 'sid-1' })).toEqual([])
  })

  it('does not find a forgotten login by its id', async () => {
    const { ours, alice } = await twoOwners()
    await ours.forget(alice)
    const find = vi.spyOn(ours, 'find')
    expect(await ours.findById(alice.loginId)).toBeUndefined()
    expect(find).not.toHaveBeenCalled()
  })

  it('sends no command if there is no member to forget', async () => {
    const { records, ours, alice } = await twoOwners()
    const removeFromSet = vi.spyOn(records, 'removeFromSet')
    await ours.forgetMembers({ sub: 'alice' }, [])
    expect(removeFromSet).not.toHaveBeenCalled()
    await ours.forgetMembers({ sub: 'alice' }, [alice.loginId])
    expect(removeFromSet).toHaveBeenCalledOnce()
    expect(await records.members(makeGroupKey(alice.owner, { sub: 'alice' }))).toEqual([])
  })
})
