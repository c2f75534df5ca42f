import type { Request } from 'express'
import type { OidcRecords } from '../core/records.ts'
import type { Checks } from './checks.ts'
import { readRecords } from './records-option.ts'

/** Validated `BearerBindingOptions`. */
export interface ResolvedBinding {
  /** Storage of used proofs; undefined: DPoP is not supported. */
  readonly dpop: 'memory' | OidcRecords | undefined
  /** Undefined: client certificates are ignored. */
  readonly mtls: true | ((req: Request) => string | Uint8Array | undefined) | undefined
}

export function readBinding(checks: Checks): ResolvedBinding {
  return { dpop: readDpopSettings(checks), mtls: readMtls(checks) }
}

function readDpopSettings(checks: Checks): ResolvedBinding['dpop'] {
  const given = checks.value('dpop')
  if (given === undefined) return undefined
  const replay = checks.nested('dpop', ['replay'], (inner) => {
    if (inner.value('replay') === undefined && inner.faults.length === 0) {
      inner.fault("`replay` is missing; pass 'memory' for one process, or records that all processes share")
    }
    return inner.value('replay')
  })
  return replay === 'memory' ? replay : readRecords(checks, "`dpop.replay`, unless 'memory',", replay)
}

function readMtls(checks: Checks): ResolvedBinding['mtls'] {
  const given = checks.value('mtls')
  if (given === undefined || given === true) return given
  const read = (inner: Checks): ResolvedBinding['mtls'] => {
    const certificate = inner.function<Exclude<NonNullable<ResolvedBinding['mtls']>, true>>('certificate')
    if (!certificate && inner.faults.length === 0) inner.fault('`certificate` must be a function')
    return certificate
  }
  return checks.nested('mtls', ['certificate'], read, { what: '`mtls`, unless true,' })
}
