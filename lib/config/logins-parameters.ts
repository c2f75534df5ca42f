import { Checks, optionsInvalid } from './checks.ts'

/** Parameters of `oidc.logins.list()`. */
export interface OidcListParameters {
  /**
   * Subject whose logins are listed, as in `req.oidc.user.sub` and in events.
   * @example await oidc.logins.list({ sub: oidc.user(req).sub })
   */
  sub: string
  /**
   * Issuer of `sub`, if the instance has users of several issuers.
   * @default any issuer
   * @example await oidc.logins.list({ sub, issuer })
   */
  issuer?: string | undefined
}

/**
 * Parameters of `oidc.logins.end()`: exactly one of `sub`, `sid` and `id`. A parameter that is present but undefined is an
 * error.
 */
export interface OidcEndParameters {
  /**
   * Ends all logins of this subject.
   * @default none
   * @example await oidc.logins.end({ sub: oidc.user(req).sub })
   */
  sub?: string | undefined
  /**
   * Ends all logins of this session at the provider (claim `sid` of its ID tokens).
   * @default none
   * @see https://openid.net/specs/openid-connect-frontchannel-1_0.html#OPLogout
   * @example await oidc.logins.end({ sid })
   */
  sid?: string | undefined
  /**
   * Ends the login with this id (`req.oidc.loginId`).
   * @default none
   * @example await oidc.logins.end({ id })
   */
  id?: string | undefined
  /**
   * Issuer of `sub` or `sid`, if the instance has users of several issuers.
   * @default any issuer
   * @example await oidc.logins.end({ sub, issuer })
   */
  issuer?: string | undefined
}

/** Validated {@link OidcEndParameters}. */
export type ResolvedEnd =
  | { readonly id: string }
  | { readonly group: { readonly sub: string } | { readonly sid: string }; readonly issuer: string | undefined }

/**
 * Validates the parameters of `logins.list()`.
 * @throws OidcError `options_invalid`, which names every fault.
 */
export function resolveListParameters(given: OidcListParameters): { sub: string; issuer: string | undefined } {
  const checks = new Checks(given, 'the parameters of logins.list()', ['sub', 'issuer'])
  const sub = readText(checks, 'sub')
  const issuer = readText(checks, 'issuer')
  if (sub === undefined && checks.faults.length === 0)
    checks.fault('`sub` is missing; pass the subject whose logins to list')
  if (checks.faults.length > 0) throw optionsInvalid('logins.list()', checks.faults)
  return { sub: sub as string, issuer }
}

/**
 * Validates the parameters of `logins.end()`.
 * @throws OidcError `options_invalid`, which names every fault.
 */
export function resolveEndParameters(given: OidcEndParameters): ResolvedEnd {
  const checks = new Checks(given, 'the parameters of logins.end()', ['sub', 'sid', 'id', 'issuer'])
  const [sub, sid, id, issuer] = (['sub', 'sid', 'id', 'issuer'] as const).map((key) => readText(checks, key))
  // A variable that is undefined by mistake must not end other logins than intended, nor silently none.
  const named = [sub, sid, id].filter((value) => value !== undefined)
  if (named.length !== 1 && checks.faults.length === 0)
    checks.fault('`sub`, `sid` or `id` is required; pass exactly one of them')
  if (checks.faults.length > 0) throw optionsInvalid('logins.end()', checks.faults)
  if (id !== undefined) return { id }
  return { group: sid === undefined ? { sub: sub as string } : { sid }, issuer }
}

function readText(checks: Checks, key: string): string | undefined {
  if (key !== 'issuer') checks.refuseUndefined(key)
  return checks.string(key, 'the value that the login has')
}
