/**
 * OpenID Connect login for Express, on the sessions of `express-session`: `createOidc` for applications with logins,
 * `createBearer` for APIs that accept access tokens.
 *
 * @module
 */
export { createOidc, requireAnyAuth } from './http/create-oidc.ts'
export type { Oidc, OidcHealth } from './http/oidc.ts'
export { createBearer, type Bearer } from './http/bearer.ts'
export type { OidcAuthorized, OidcNotAuthorized } from './http/guards/authorize.ts'
export type {
  OidcAccessTokenParameters,
  OidcExchangeParameters,
  OidcLoginTokenParameters,
} from './config/token-parameters.ts'
export type { OidcLogin, OidcLogins } from './http/logins.ts'
export type { OidcEndParameters, OidcListParameters } from './config/logins-parameters.ts'
export type { OidcGuard } from './http/guards/guarded-request.ts'
export type { OidcAnonymousContext, OidcLoginContext, OidcContext } from './http/context/context.ts'
export { keycloak, type KeycloakOptions } from './presets/keycloak.ts'
export { entra, type EntraOptions } from './presets/entra/entra.ts'
export { customProvider } from './presets/custom-provider.ts'
export type { CustomProviderOptions, OidcProvider, OidcProviderOrIssuer } from './config/oidc-provider.ts'
export type { OidcSessionStore } from './config/session-store.ts'
export type { OidcIssuerRules, OidcTokenContext } from './config/issuer-rules.ts'
export type { OidcFinishedLogin, OidcOptions, OidcBaseOptions, OidcRouteOptions } from './config/options.ts'
export type { OidcLogoutParameters } from './config/logout-parameters.ts'
export type { OidcLoginParameters } from './config/login-parameters.ts'
export type { OidcProviderMetadata } from './config/provider-metadata.ts'
export type { OidcRoleSources, OidcUserClaims, OidcTokenSet, OidcUnknownClaims, OidcUser } from './config/claims.ts'
export type {
  BearerApiOptions,
  BearerIssuer,
  BearerIssuerOptions,
  BearerOptions,
  BearerTokenOptions,
  BearerBindingOptions,
  BearerIntrospectionOptions,
  OidcIntrospectionOptions,
  OidcBearerOptions,
} from './config/bearer-options.ts'
export type { OidcAuthRule, OidcRule } from './guard/rule.ts'
export type { BearerAuth } from './guard/bearer-auth.ts'
export { BearerError, type BearerErrorName } from './guard/bearer-error.ts'
export type { BearerRule, BearerTokenRule } from './guard/bearer-rule.ts'
export type { OidcProviderHealth } from './provider/provider.ts'
export type { OidcErrorCode } from './core/error-table.ts'
export { LoginNeeded, LoginRefused, OidcError, type OidcLoginNeeds } from './core/errors.ts'
export type { OidcLogEntry } from './core/failure-log.ts'
export type { OidcWarningCode } from './core/warning-codes.ts'
export type {
  OidcEventBase,
  OidcEventName,
  OidcEvents,
  OidcListener,
  OidcLogoutReason,
  OidcRefreshReason,
} from './core/events.ts'
export type { OidcRecordChanges, OidcRecordKey, OidcRecords, OidcWrittenRecord } from './core/records.ts'
