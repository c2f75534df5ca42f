import { describe, expect, it } from 'vitest'
import { forgetWarnings, warnOnce } from '../../lib/core/warnings.ts'
import { warningsGiven, warningsOfSpecs } from '../support/warnings.ts'

const warnings = warningsOfSpecs()

describe('warnOnce()', () => {
  it('emits a warning once, with a code and a reference to the documentation', async () => {
    const given = new Promise<Error & { detail?: string }>((resolve) => process.once('warning', resolve))
    for (let times = 0; times < 3; times++) warnOnce('OIDC_TRUST_PROXY', 'set trust proxy')
    await warningsGiven()
    expect(warnings).toEqual([{ name: 'OidcSetupWarning', code: 'OIDC_TRUST_PROXY', message: 'set trust proxy' }])
    expect((await given).detail).toContain('OIDC_TRUST_PROXY in docs/')
  })

  it('emits a warning once for each instance', async () => {
    warnOnce('OIDC_TRUST_PROXY', 'first', 'default')
    warnOnce('OIDC_TRUST_PROXY', 'second', 'partner')
    warnOnce('OIDC_TRUST_PROXY', 'again', 'default')
    warnOnce('OIDC_MEMORY_STORE', 'another', 'default')
    await warningsGiven()
    expect(warnings.map(({ message }) => message)).toEqual(['first', 'second', 'another'])
  })

  it('emits a warning again after forgetWarnings(), and has an empty subject by default', async () => {
    warnOnce('OIDC_TRUST_PROXY', 'first')
    warnOnce('OIDC_TRUST_PROXY', 'the same', '')
    warnOnce('OIDC_TRUST_PROXY', 'another', 'partner')
    forgetWarnings()
    warnOnce('OIDC_TRUST_PROXY', 'again')
    await warningsGiven()
    expect(warnings.map(({ message }) => message)).toEqual(['first', 'another', 'again'])
  })
})
