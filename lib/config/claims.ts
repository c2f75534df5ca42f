/**
 * The claims of a user: the standard claims that applications commonly read. To add your own claims to the type of every
 * user, merge them into this interface.
 * @see https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
 * @example
 * declare module 'express-session-oidc' {
 *   interface OidcUserClaims {
 *     department?: string
 *   }
 * }
 */
export interface OidcUserClaims {
  /** Full name, in displayable form. */
  name?: string | undefined
  /** Given name or first name. */
  given_name?: string | undefined
  /** Surname or last name. */
  family_name?: string | undefined
  /** Name by which the user wants to be referred to. It is not unique, and can change. */
  preferred_username?: string | undefined
  /** Preferred email address. It is not unique, and can change. */
  email?: string | undefined
  /** Whether the provider verified that the user controls `email`. */
  email_verified?: boolean | undefined
  /** URL of a picture of the user. */
  picture?: string | undefined
  /** Language tag, such as `en-US`. */
  locale?: string | undefined
  /** Time zone, such as `Europe/Paris`. */
  zoneinfo?: string | undefined
  /** Seconds since the epoch at which the claims last changed. */
  updated_at?: number | undefined
}

/**
 * The user of a login: the claims of the ID token and, with `userInfo: true`, those of userinfo. Claims about the token
 * itself, such as `aud`, `exp`, `iat`, `nonce` and `sid`, are left out. Beyond 64 kB of JSON, so are the largest claims, with
 * the warning `OIDC_CLAIMS_DROPPED`. Only `iss` and `sub` together identify the user permanently.
 * @see https://openid.net/specs/openid-connect-core-1_0.html#ClaimStability
 */
export type OidcUser<Claims extends object = OidcUserClaims> = Readonly<{ iss: string; sub: string } & Claims>

/** Claims of any type. Check the type of a claim before you use it. */
export type OidcUnknownClaims = Readonly<Record<string, unknown>>

/** Tokens of a login, as the provider issued them. */
export interface OidcTokenSet {
  /** The access token, for calls to APIs as the user. */
  readonly accessToken: string
  /** Type of the access token, in lower case: `bearer` or `dpop`. */
  readonly tokenType: string
  /** Seconds since the epoch at which the provider issued the access token. */
  readonly obtainedAt: number
  /** Seconds since the epoch at which the access token expires; undefined if the provider did not return `expires_in`. */
  readonly expiresAt: number | undefined
  /** The refresh token, if the provider issued one. */
  readonly refreshToken: string | undefined
  /** The verified ID token. */
  readonly idToken: string
  /** The granted scope. */
  readonly scope: readonly string[]
}

/** Verified claims from which the option `roles` derives the roles of a user or a token. */
export interface OidcRoleSources {
  /** Claims of the verified ID token; empty for a token that is presented to an API. */
  readonly idToken: OidcUnknownClaims
  /** Claims of the access token; undefined unless its signature or, at an API, introspection confirms them. */
  readonly accessToken: OidcUnknownClaims | undefined
  /** Claims of the userinfo response, with `userInfo: true`; otherwise undefined. */
  readonly userInfo: OidcUnknownClaims | undefined
}
