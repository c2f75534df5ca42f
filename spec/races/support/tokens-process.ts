/** One of several processes of an application that calls APIs as its users, on one Redis, for the races of refreshes. */
import { tokenRoutes } from '../../support/token-routes.ts'
import { startTokensApp } from './tokens-app.ts'

const { PROVIDER_TIMEOUT_SECONDS = '1' } = process.env

/** Longer than a busy machine may need for all concurrent callers: Redis does not fail here. */
const storeTimeoutSeconds = 60

const options = { providerTimeoutSeconds: Number(PROVIDER_TIMEOUT_SECONDS) }
await startTokensApp({ options, routes: tokenRoutes }, storeTimeoutSeconds)
