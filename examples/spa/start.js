import { createServer } from 'node:http'
import { EnvironmentError, readEnvironment } from '../demo/environment.js'
import { listen, openPort } from '../demo/listen.js'
import { createApi } from './api.js'
import { createPages, registration } from './pages.js'
import { startProvider } from './provider.js'

/**
 * Starts the pages, the API and, without OIDC_ISSUER, a provider.
 *
 * @param {Record<string, string | undefined>} env
 * @param {{ accessTokenSeconds?: number }} [options] of the provider in this process
 */
export async function start(env, options = {}) {
  const { port } = readEnvironment({ PORT: env['PORT'] })
  const { OIDC_ISSUER: given, OIDC_CLIENT_ID: clientId = 'spa', API_AUDIENCE: audience = 'spa-api' } = env
  if (given && !URL.canParse(given)) throw new EnvironmentError(`OIDC_ISSUER is '${given}': set the issuer's URL.`)

  const [pages, api] = [createServer(), createServer()]
  // The same host as the provider's, so that browsers send its cookies in the pages' hidden frames.
  const host = given && new URL(given).hostname === '127.0.0.1' ? '127.0.0.1' : 'localhost'
  const pagesUrl = `http://${host}:${await openPort(pages, port)}`
  const apiUrl = `http://${host}:${await listen(api, 0)}`
  const toRegister = registration(pagesUrl)
  const provider = given ? undefined : await startProvider({ clientId, audience, ...toRegister, ...options })
  const issuer = given || /** @type {import('express-session-oidc/testing').TestProvider} */ (provider).issuer

  api.on('request', createApi({ issuer, audience, baseUrl: apiUrl, pagesOrigin: pagesUrl }))
  pages.on('request', createPages({ issuer, clientId, apiUrl }))
  return {
    pagesUrl,
    apiUrl,
    issuer,
    clientId,
    audience,
    provider,
    toRegister,
    stop: async () => {
      for (const server of [pages, api]) {
        server.close()
        server.closeAllConnections()
      }
      await provider?.stop()
    },
  }
}
