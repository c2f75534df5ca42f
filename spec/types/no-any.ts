/** The exports of the package contain no `any`. Checked by the compiler (`npm run check:types`), never run. */
import type { IncomingMessage } from 'node:http'
import type { ErrorRequestHandler, NextFunction, Request, RequestHandler, Response, Router } from 'express'
import type * as main from 'express-session-oidc'
import type * as redis from 'express-session-oidc/redis'
import { holds, type AnyIn, type Equal, type IsAny } from './helpers.ts'

/** Types of Express, which contain `any`, and of Node. */
type Others =
  | Request
  | IncomingMessage
  | Response
  | NextFunction
  | RequestHandler
  | ErrorRequestHandler
  | Router
  | typeof fetch
  | RequestInit
  | globalThis.Response
  | URL
  | Error

/** The guards of an instance. Their requests are those of Express, which contain `any`. */
type Guards<Claims extends object> =
  | main.OidcGuard<{ oidc: main.OidcLoginContext<Claims> }>
  | main.OidcGuard<{ oidc: main.OidcContext<Claims> }>
  | main.OidcGuard<{ oidc: main.OidcContext<Claims> | undefined; auth: main.BearerAuth | undefined }>
  | main.OidcGuard<{ auth: main.BearerAuth<Claims> | undefined }>

type Found<T> = AnyIn<T, Others | Guards<main.OidcUserClaims> | Guards<object>>

// The helpers find `any` where it is, and nowhere else.
holds<
  [
    IsAny<ReturnType<typeof JSON.parse>>,
    Equal<IsAny<unknown>, false>,
    Equal<IsAny<never>, false>,
    Equal<Found<{ a: { b: (c: string) => Promise<ReturnType<typeof JSON.parse>[]> } }>, '.a.b)>[]'>,
    Equal<Found<{ a: (b: ReturnType<typeof JSON.parse>) => void }>, '.a('>,
    Equal<Found<{ a: string; b: unknown[] }>, never>,
  ]
>()

holds<
  [
    Equal<Found<typeof main.createOidc>, never>,
    Equal<Found<typeof main.requireAnyAuth>, never>,
    Equal<Found<typeof main.keycloak>, never>,
    Equal<Found<main.Oidc>, never>,
    Equal<Found<main.OidcOptions>, never>,
    Equal<Found<main.OidcHealth>, never>,
    Equal<Found<main.OidcLogins>, never>,
    Equal<Found<main.OidcSessionStore>, never>,
    Equal<Found<main.OidcContext>, never>,
    Equal<Found<main.BearerAuth>, never>,
    Equal<Found<main.OidcAuthRule>, never>,
    Equal<Found<main.OidcLoginParameters>, never>,
    Equal<Found<main.OidcLogoutParameters>, never>,
    Equal<Found<main.OidcFinishedLogin>, never>,
    Equal<Found<main.OidcProviderMetadata>, never>,
    Equal<Found<main.OidcRoleSources>, never>,
    Equal<Found<main.OidcRouteOptions>, never>,
    Equal<Found<main.KeycloakOptions>, never>,
    Equal<Found<main.OidcUser>, never>,
    Equal<Found<main.OidcTokenSet>, never>,
    Equal<Found<main.OidcUnknownClaims>, never>,
    Equal<Found<main.OidcUserClaims>, never>,
    Equal<Found<main.OidcEvents>, never>,
    Equal<Found<main.OidcRecords>, never>,
    Equal<Found<main.OidcProviderHealth>, never>,
    Equal<Found<ConstructorParameters<typeof main.OidcError>>, never>,
    Equal<Found<ConstructorParameters<typeof main.LoginRefused>>, never>,
    Equal<Found<main.OidcError['cause']>, never>,
  ]
>()

holds<
  [
    Equal<Found<typeof redis.redisRecords>, never>,
    Equal<Found<redis.OidcRedisClient>, never>,
    Equal<Found<ConstructorParameters<typeof redis.RedisSessionStore>>, never>,
  ]
>()

holds<[Equal<Request['oidc'], main.OidcContext | undefined>, Equal<Found<Request['oidc']>, never>]>()
