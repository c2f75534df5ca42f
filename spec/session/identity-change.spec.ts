import { describe, expect, it } from 'vitest'
import { carryOver } from '../../lib/session/identity-change.ts'
import { slotOf } from '../support/slots.ts'

const alice = slotOf('alice')
const partner = slotOf('al', { issuer: 'https://partner.example.com' })
const staff = slotOf('a.adams', { issuer: 'https://staff.example.com' })

describe('whose session it is after a login', { meta: { id: 'identity-change-1' } }, () => {
  it('an anonymous visitor\u2019s: the data stay', () => {
    expect(carryOver({ hadLogins: false, slots: {} }, 'default', alice)).toEqual({ data: true, slots: {} })
  })

  it('the same user\u2019s again: data and other logins stay, the own slot is made anew', () => {
    const slots = { default: alice, partner }
    expect(carryOver({ hadLogins: true, slots }, 'default', { ...alice })).toEqual({ data: true, slots: { partner } })
  })

  it('one who links a second provider to a live first login: data and first login stay', () => {
    expect(carryOver({ hadLogins: true, slots: { default: alice } }, 'partner', partner)).toEqual({
      data: true,
      slots: { default: alice },
    })
    expect(carryOver({ hadLogins: true, slots: { default: alice, staff } }, 'partner', partner)).toEqual({
      data: true,
      slots: { default: alice, staff },
    })
  })

  it('another user\u2019s of the same instance: nothing stays, not the other logins either', () => {
    const slots = { default: alice, partner }
    const nothing = { data: false, slots: {} }
    expect(carryOver({ hadLogins: true, slots }, 'default', { ...alice, sub: 'bob' })).toEqual(nothing)
    expect(carryOver({ hadLogins: true, slots }, 'default', { ...alice, sub: 'Alice' })).toEqual(nothing)
  })

  it('another user\u2019s, though of the same subject, where the issuer is another', () => {
    expect(
      carryOver({ hadLogins: true, slots: { default: alice } }, 'default', {
        ...alice,
        issuer: 'https://other.example.com',
      }),
    ).toEqual({ data: false, slots: {} })
  })

  it('another user\u2019s, where the login before is of another owner: a name says nothing of whose login it is', () => {
    const slots = { default: { ...alice, owner: 'another' }, partner }
    expect(carryOver({ hadLogins: true, slots }, 'default', alice)).toEqual({ data: false, slots: {} })
  })

  it('anyone\u2019s after logins that have all ended: nothing stays', () => {
    expect(carryOver({ hadLogins: true, slots: {} }, 'default', alice)).toEqual({ data: false, slots: {} })
  })

  it('is decided by names of instances, also where they are those of every object', () => {
    for (const name of ['constructor', 'toString', 'valueOf', 'hasOwnProperty']) {
      expect(carryOver({ hadLogins: false, slots: {} }, name, alice)).toEqual({ data: true, slots: {} })
      expect(carryOver({ hadLogins: true, slots: { default: alice } }, name, partner)).toEqual({
        data: true,
        slots: { default: alice },
      })
    }
  })
})
