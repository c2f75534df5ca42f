import { describe, expect, it } from 'vitest'
import { carryOver } from '../../lib/session/identity-change.ts'
import { makeSlot } from '../support/slots.ts'

const alice = makeSlot('alice')
const partner = makeSlot('al', { issuer: 'https://partner.example.com' })
const staff = makeSlot('a.adams', { issuer: 'https://staff.example.com' })

describe('the data and logins of a session after a login', { meta: { id: 'identity-change-1' } }, () => {
  it('a login of an anonymous visitor keeps the data', () => {
    expect(carryOver({ hadLogins: false, slots: {} }, 'default', alice)).toEqual({ data: true, slots: {} })
  })

  it('another login of the same user keeps data and other logins, but not its own former slot', () => {
    const slots = { default: alice, partner }
    expect(carryOver({ hadLogins: true, slots }, 'default', { ...alice })).toEqual({ data: true, slots: { partner } })
  })

  it('linking a second provider keeps data and logins', () => {
    expect(carryOver({ hadLogins: true, slots: { default: alice } }, 'partner', partner)).toEqual({
      data: true,
      slots: { default: alice },
    })
    expect(carryOver({ hadLogins: true, slots: { default: alice, staff } }, 'partner', partner)).toEqual({
      data: true,
      slots: { default: alice, staff },
    })
  })

  it('a login of another user of the same instance keeps neither data nor other logins', () => {
    const slots = { default: alice, partner }
    const nothing = { data: false, slots: {} }
    expect(carryOver({ hadLogins: true, slots }, 'default', { ...alice, sub: 'bob' })).toEqual(nothing)
    expect(carryOver({ hadLogins: true, slots }, 'default', { ...alice, sub: 'Alice' })).toEqual(nothing)
  })

  it('the same subject of another issuer counts as another user', () => {
    expect(
      carryOver({ hadLogins: true, slots: { default: alice } }, 'default', {
        ...alice,
        issuer: 'https://other.example.com',
      }),
    ).toEqual({ data: false, slots: {} })
  })

  it('a former login of another owner counts as another user, even with the same name', () => {
    const slots = { default: { ...alice, owner: 'another' }, partner }
    expect(carryOver({ hadLogins: true, slots }, 'default', alice)).toEqual({ data: false, slots: {} })
  })

  it('a login after former logins have all ended keeps no data', () => {
    expect(carryOver({ hadLogins: true, slots: {} }, 'default', alice)).toEqual({ data: false, slots: {} })
  })

  it('an instance may be named like a property of every object, such as constructor', () => {
    for (const name of ['constructor', 'toString', 'valueOf', 'hasOwnProperty']) {
      expect(carryOver({ hadLogins: false, slots: {} }, name, alice)).toEqual({ data: true, slots: {} })
      expect(carryOver({ hadLogins: true, slots: { default: alice } }, name, partner)).toEqual({
        data: true,
        slots: { default: alice },
      })
    }
  })
})
