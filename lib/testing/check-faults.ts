import { checkFunction, checkMembers, checkChoice, checkWholeNumber, fail } from './checks.ts'
import { paths } from './discovery.ts'
import type { TestFaults } from './faults.ts'
import { checkRotation } from './keys.ts'
import { grantTypes } from './tokens.ts'

const endpointMembers = [
  'status',
  'body',
  'headers',
  'contentType',
  'html',
  'invalidJson',
  'truncate',
  'stall',
  'bytes',
  'drop',
  'garbage',
  'hang',
  'delayMs',
  'afterProcessing',
  'times',
  'when',
]
const tokenMembers = ['claims', 'header', 'payload', 'signature', 'raw', 'omit', 'grant', 'times']
const signatures = ['corrupt', 'none', 'other-key', 'wrong-alg', 'hs256', 'hs256-public-key']
const changes = ['metadata', 'jwks', 'authorizationResponse', 'tokenResponse', 'logoutResponse'] as const

function checkEndpoints(endpoints: NonNullable<TestFaults['endpoints']>): void {
  checkMembers(endpoints, Object.keys(paths), 'endpoints')
  for (const [endpoint, fault] of Object.entries(endpoints)) {
    const name = `endpoints.${endpoint}`
    checkMembers(fault, endpointMembers, name)
    if (fault.status !== undefined) checkWholeNumber(fault.status, 200, 599, `${name}.status`)
    if (fault.times !== undefined) checkWholeNumber(fault.times, 0, Number.MAX_SAFE_INTEGER, `${name}.times`)
    if (fault.when !== undefined) checkFunction(fault.when, `${name}.when`)
    if (fault.bytes !== undefined && !(fault.bytes >= 0)) fail(`${name}.bytes must be a number of bytes`)
  }
}

function checkChange(change: unknown, name: string): void {
  if (typeof change !== 'function' && (typeof change !== 'object' || change === null)) {
    fail(`${name} must be a function, or an object to merge`)
  }
}

/** Checks the names of faults, because a test with a misspelled one would pass for the wrong reason. */
export function checkFaults(faults: TestFaults): void {
  const tokens = {
    idToken: tokenMembers,
    accessToken: tokenMembers,
    logoutToken: tokenMembers,
    userInfo: [...tokenMembers, 'signed'],
  }
  checkMembers(faults, ['endpoints', 'respond', ...changes, ...Object.keys(tokens), 'rotateKeys'], 'misbehave')
  if (faults.endpoints !== undefined) checkEndpoints(faults.endpoints)
  if (faults.respond !== undefined) checkFunction(faults.respond, 'respond')
  for (const name of changes) if (faults[name] !== undefined) checkChange(faults[name], name)
  for (const [kind, members] of Object.entries(tokens)) {
    const fault = faults[kind as keyof typeof tokens]
    if (fault === undefined) continue
    checkMembers(fault, members, kind)
    if (fault.claims !== undefined) checkChange(fault.claims, `${kind}.claims`)
    if (fault.header !== undefined) checkChange(fault.header, `${kind}.header`)
    if ('grant' in fault && fault.grant !== undefined) checkChoice(fault.grant, grantTypes, `${kind}.grant`)
    if (fault.signature !== undefined) checkChoice(fault.signature, signatures, `${kind}.signature`)
  }
  const { rotateKeys } = faults
  if (rotateKeys === undefined) return
  const when = typeof rotateKeys === 'string' ? rotateKeys : rotateKeys.when
  checkChoice(when, ['before-signing', 'after-signing'], 'rotateKeys')
  if (typeof rotateKeys !== 'string') checkRotation(rotateKeys, 'rotateKeys')
}
