export { createOidc, requireAnyAuth, type Oidc, type OidcHealth } from './http/oidc.ts'
export type { AnonymousContext, LoginContext, OidcContext } from './http/context.ts'
export { keycloak, type KeycloakOptions } from './config/presets.ts'
export type {
  FinishedLogin,
  LoginParameters,
  LogoutParameters,
  OidcOptions,
  ProviderMetadata,
  RoleSources,
  RouteOptions,
} from './config/options.ts'
export type { StandardClaims, TokenSet, UnknownClaims, User } from './config/claims.ts'
export type { AuthRule, Rule } from './guard/rule.ts'
export type { ProviderHealth } from './provider/provider.ts'
export { LoginRefused, OidcError, type OidcErrorCode } from './core/errors.ts'
export type { OidcEventBase, OidcEventName, OidcEvents, OidcListener } from './core/events.ts'
export type { RecordKey, Records } from './core/records.ts'
