import { Checks, optionsInvalid } from './checks.ts'

/** Whose logins are looked for. */
export interface ListParameters {
  /** The subject, as `req.oidc.user.sub` and the events have it. */
  sub: string
  /** Their issuer, where the instance takes users of several. Default: any. */
  issuer?: string | undefined
}

/** Which logins are to end: exactly one of `sub`, `sid` and `id`. */
export interface EndParameters {
  /** All logins of a subject. */
  sub?: string | undefined
  /** All logins of one session at the provider (claim `sid` of its ID tokens). */
  sid?: string | undefined
  /** One login: its `req.oidc.loginId`. */
  id?: string | undefined
  /** The issuer of `sub` or `sid`, where the instance takes users of several. Default: any. */
  issuer?: string | undefined
}

/** The same, checked. */
export type ResolvedEnd =
  | { readonly id: string }
  | { readonly group: { readonly sub: string } | { readonly sid: string }; readonly issuer: string | undefined }

/**
 * Checks whose logins are looked for.
 *
 * @throws OidcError `options_invalid` that names every fault.
 */
export function resolveListParameters(given: ListParameters): { sub: string; issuer: string | undefined } {
  const checks = new Checks(given, 'the parameters of logins.list()', ['sub', 'issuer'])
  const sub = textOf(checks, 'sub')
  const issuer = textOf(checks, 'issuer')
  if (sub === undefined && checks.faults.length === 0) checks.fault('sub is missing: whose logins are looked for?')
  if (checks.faults.length > 0) throw optionsInvalid('logins.list()', checks.faults)
  return { sub: sub as string, issuer }
}

/**
 * Checks which logins are to end.
 *
 * @throws OidcError `options_invalid` that names every fault.
 */
export function resolveEndParameters(given: EndParameters): ResolvedEnd {
  const checks = new Checks(given, 'the parameters of logins.end()', ['sub', 'sid', 'id', 'issuer'])
  const [sub, sid, id, issuer] = (['sub', 'sid', 'id', 'issuer'] as const).map((key) => textOf(checks, key))
  // A variable that is undefined by mistake must end neither nobody's logins nor more than those that were meant.
  const named = [sub, sid, id].filter((value) => value !== undefined)
  if (named.length !== 1 && checks.faults.length === 0) checks.fault('exactly one of sub, sid and id must be given')
  if (checks.faults.length > 0) throw optionsInvalid('logins.end()', checks.faults)
  if (id !== undefined) return { id }
  return { group: sid === undefined ? { sub: sub as string } : { sid }, issuer }
}

function textOf(checks: Checks, key: string): string | undefined {
  if (key !== 'issuer') checks.refuseUndefined(key, 'leave it out, or give it a value')
  return checks.string(key, 'as the login has it')
}
