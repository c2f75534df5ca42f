/** One of several processes of an application that calls APIs as its users, on one Redis, for the races of refreshes. */
import { tokenRoutes } from '../../support/token-routes.ts'
import { startTokensApp } from './tokens-app.ts'

const { PROVIDER_TIMEOUT_SECONDS = '1' } = process.env

await startTokensApp({ options: { providerTimeoutSeconds: Number(PROVIDER_TIMEOUT_SECONDS) }, routes: tokenRoutes })
