import { describe, expect, it } from 'vitest'
import { carryOver } from '../../lib/session/identity-change.ts'
import { makeLoginEntry } from '../support/login-entries.ts'

const alice = makeLoginEntry('alice')
const partner = makeLoginEntry('al', { issuer: 'https://partner.example.com' })
const staff = makeLoginEntry('a.adams', { issuer: 'https://staff.example.com' })

describe('the data and logins of a session after a login', { meta: { id: 'identity-change-1' } }, () => {
  it('a login of an anonymous visitor keeps the data', () => {
    expect(carryOver({ hadLogins: false, entries: {} }, 'default', alice)).toEqual({ data: true, entries: {} })
  })

  it('another login of the same user keeps data and other logins, but not its own former entry', () => {
    const entries = { default: alice, partner }
    expect(carryOver({ hadLogins: true, entries }, 'default', { ...alice })).toEqual({
      data: true,
      entries: { partner },
    })
  })

  it('linking a second provider keeps data and logins', () => {
    expect(carryOver({ hadLogins: true, entries: { default: alice } }, 'partner', partner)).toEqual({
      data: true,
      entries: { default: alice },
    })
    expect(carryOver({ hadLogins: true, entries: { default: alice, staff } }, 'partner', partner)).toEqual({
      data: true,
      entries: { default: alice, staff },
    })
  })

  it('a login of another user of the same instance keeps neither data nor other logins', () => {
    const entries = { default: alice, partner }
    const nothing = { data: false, entries: {} }
    expect(carryOver({ hadLogins: true, entries }, 'default', { ...alice, sub: 'bob' })).toEqual(nothing)
    expect(carryOver({ hadLogins: true, entries }, 'default', { ...alice, sub: 'Alice' })).toEqual(nothing)
  })

  it('the same subject of another issuer counts as another user', () => {
    expect(
      carryOver({ hadLogins: true, entries: { default: alice } }, 'default', {
        ...alice,
        issuer: 'https://other.example.com',
      }),
    ).toEqual({ data: false, entries: {} })
  })

  it('a former login of another owner counts as another user, even with the same name', () => {
    const entries = { default: { ...alice, owner: 'another' }, partner }
    expect(carryOver({ hadLogins: true, entries }, 'default', alice)).toEqual({ data: false, entries: {} })
  })

  it('a login after former logins have all ended keeps no data', () => {
    expect(carryOver({ hadLogins: true, entries: {} }, 'default', alice)).toEqual({ data: false, entries: {} })
  })

  it('an instance may be named like a property of every object, such as constructor', () => {
    for (const name of ['constructor', 'toString', 'valueOf', 'hasOwnProperty']) {
      expect(carryOver({ hadLogins: false, entries: {} }, name, alice)).toEqual({ data: true, entries: {} })
      expect(carryOver({ hadLogins: true, entries: { default: alice } }, name, partner)).toEqual({
        data: true,
        entries: { default: alice },
      })
    }
  })
})
