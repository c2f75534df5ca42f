/**
 * Tools for tests: an OpenID provider on loopback, a simulated Microsoft Entra ID, and a user agent that logs in like a
 * browser. The providers sign real tokens and produce faults on request.
 *
 * @module
 */
export { startTestProvider } from './testing/provider.ts'
export type { TestLogoutUris, TestProvider, TestProviderConnection, TestTokenRequest } from './testing/test-provider.ts'
export type { TestLogoutDelivery, TestLogoutSubject } from './testing/backchannel.ts'
export type { TestProviderOptions } from './testing/options.ts'
export type { TestUser } from './testing/users.ts'
export type { TestClient } from './testing/clients.ts'
export type { TestEndpoint, TestRequest } from './testing/request.ts'
export type {
  TestBadSignature,
  TestEndpointFault,
  TestResponseParameters,
  TestRotationFault,
  TestFaults,
  TestTokenFault,
  TestUserInfoFault,
} from './testing/faults.ts'
export type { TestChange, TestJsonObject } from './testing/change.ts'
export { oddKeys } from './testing/keys.ts'
export type { TestKeyRotation } from './testing/keys.ts'
export { createUserAgent } from './testing/user-agent.ts'
export type {
  UserAgentFetchInit,
  UserAgentHeaders,
  UserAgentSubmitInit,
  UserAgent,
  UserAgentInit,
  UserAgentOptions,
} from './testing/user-agent-options.ts'
export type { UserAgentFormFields, UserAgentHop, UserAgentResponse } from './testing/user-agent-response.ts'
export { CookieJar } from './testing/cookie-jar.ts'
export type { UserAgentCookie, UserAgentCookieContext } from './testing/cookie-jar.ts'
export { startTestEntra } from './testing/entra.ts'
export type { TestEntraTokenRequest, TestEntra } from './testing/test-entra.ts'
export { testTenants } from './testing/entra-options.ts'
export type { TestEntraApi, TestEntraOptions, TestEntraUser } from './testing/entra-options.ts'
export type { TestEntraFaults, TestEntraTokenFault } from './testing/entra-state.ts'
