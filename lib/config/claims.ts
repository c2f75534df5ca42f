/** The standard claims about a user (OIDC Core 5.1), as far as applications commonly read them. */
export interface StandardClaims {
  name?: string | undefined
  given_name?: string | undefined
  family_name?: string | undefined
  preferred_username?: string | undefined
  email?: string | undefined
  email_verified?: boolean | undefined
  picture?: string | undefined
  locale?: string | undefined
  zoneinfo?: string | undefined
  updated_at?: number | undefined
}

/**
 * The user of a login: the claims of the ID token, with those of userinfo where `userInfo: 'login'` is set, without
 * the ones that concern the token itself (`aud`, `exp`, `iat`, `nonce` and the like). `iss` and `sub` together name
 * the user for good (OIDC Core 5.7).
 */
export type User<Claims extends object = StandardClaims> = Readonly<{ iss: string; sub: string } & Claims>

/** Claims as they come, nothing assumed of their types. */
export type UnknownClaims = Readonly<Record<string, unknown>>

/** The tokens of a login, as the provider issued them. */
export interface TokenSet {
  /** For calls to APIs as the user. */
  readonly accessToken: string
  /** How the access token is presented: `bearer` or `dpop`, in lower case. */
  readonly tokenType: string
  /** Seconds since the epoch at which the provider answered with it; undefined in logins of before version 1. */
  readonly obtainedAt: number | undefined
  /** Seconds since the epoch at which the access token ends; undefined where the provider did not say. */
  readonly expiresAt: number | undefined
  /** Undefined where the provider issued none. */
  readonly refreshToken: string | undefined
  /** The ID token, verified. */
  readonly idToken: string
  /** The granted scope. */
  readonly scope: readonly string[]
}

/** What `roles` gets to find the roles of a user. */
export interface RoleSources {
  /** Claims of the ID token, verified. */
  readonly idToken: UnknownClaims
  /** Claims of the access token, there only where it is a JWT whose signature was verified. */
  readonly accessToken: UnknownClaims | undefined
  /** The userinfo answer, there only with `userInfo: 'login'`. */
  readonly userInfo: UnknownClaims | undefined
}
