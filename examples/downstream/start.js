import { createServer } from 'node:http'
import { startTestProvider } from 'express-session-oidc/testing'
import { listen } from '../demo/listen.js'
import { createInvoicesApi, createOrdersApi } from './apis.js'

/**
 * Starts the services that the application calls: a provider with Alice and Bob, and the two APIs. Access tokens are
 * short-lived and refresh tokens are single-use. The provider is a library for tests and has no passwords: use it on
 * loopback only.
 *
 * @param {object} [options]
 * @param {number} [options.accessTokenSeconds] default 60
 * @returns {Promise<{ provider: import('express-session-oidc/testing').TestProvider, apis: { orders: string, invoices: string }, close: () => Promise<void> }>}
 */
export async function startServices({ accessTokenSeconds = 60 } = {}) {
  const provider = await startTestProvider({ audience: 'orders', accessTokenSeconds, refreshTokens: 'rotating' })
  const servers = [createOrdersApi(provider), createInvoicesApi(provider)].map((api) => createServer(api))
  const [orders, invoices] = await Promise.all(servers.map((server) => listen(server, 0)))
  return {
    provider,
    apis: { orders: `http://127.0.0.1:${orders}`, invoices: `http://127.0.0.1:${invoices}` },
    async close() {
      for (const server of servers) {
        server.close()
        server.closeAllConnections()
      }
      await provider.stop()
    },
  }
}
