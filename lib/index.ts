export { createOidc, requireAnyAuth } from './http/create-oidc.ts'
export type { Oidc, OidcHealth } from './http/oidc.ts'
export { createBearer, type Bearer } from './http/bearer.ts'
export type { Authorized, NotAuthorized } from './http/guards/authorize.ts'
export type { AccessTokenParameters, ExchangeParameters, LoginTokenParameters } from './config/token-parameters.ts'
export type { Login, Logins } from './http/logins.ts'
export type { EndParameters, ListParameters } from './config/logins-parameters.ts'
export type { OidcGuard } from './http/guards/guarded-request.ts'
export type { AnonymousContext, LoginContext, OidcContext } from './http/context/context.ts'
export { keycloak, type KeycloakOptions } from './presets/keycloak.ts'
export { entra, type EntraOptions } from './presets/entra/entra.ts'
export { customProvider } from './presets/custom-provider.ts'
export type { CustomProviderOptions, OidcProvider, ProviderOrIssuer } from './config/oidc-provider.ts'
export type { SessionStore } from './config/session-store.ts'
export type { IssuerRules, TokenContext } from './config/issuer-rules.ts'
export type {
  FinishedLogin,
  LoginParameters,
  LogoutParameters,
  OidcOptions,
  OidcSettings,
  RouteOptions,
} from './config/options.ts'
export type { ProviderMetadata } from './config/provider-metadata.ts'
export type { RoleSources, StandardClaims, TokenSet, UnknownClaims, User } from './config/claims.ts'
export type {
  BearerApiSettings,
  BearerIssuer,
  BearerIssuerSettings,
  BearerOptions,
  BearerSettings,
  BindingOptions,
  IntrospectionOptions,
  IntrospectionSettings,
  LoginBearerSettings,
} from './config/bearer-options.ts'
export type { AuthRule, Rule } from './guard/rule.ts'
export type { BearerAuth } from './guard/bearer-auth.ts'
export { BearerError, type BearerErrorName } from './guard/bearer-error.ts'
export type { BearerRule, TokenRule } from './guard/bearer-rule.ts'
export type { ProviderHealth } from './provider/provider.ts'
export type { OidcErrorCode } from './core/error-table.ts'
export { LoginNeeded, LoginRefused, OidcError, type LoginNeeds } from './core/errors.ts'
export type {
  OidcEventBase,
  OidcEventName,
  OidcEvents,
  OidcListener,
  LogoutReason,
  RefreshReason,
} from './core/events.ts'
export type { RecordChanges, RecordKey, Records, WrittenRecord } from './core/records.ts'
