import { RedisSessionStore } from 'express-session-oidc/redis'
import { createClient } from 'redis'
import { EnvironmentError } from './environment.js'

const connectSeconds = 5

/**
 * Connects to a Redis that stores sessions and logins.
 *
 * @param {string} url
 * @returns {Promise<{ store: RedisSessionStore, close: () => void }>}
 */
export async function connectRedis(url) {
  // Without the offline queue, requests get 503 at once while Redis is down, instead of waiting for it.
  const client = createClient({ url, disableOfflineQueue: true })
  /** @type {unknown} */
  let fault
  // Without a listener for 'error', an error of the client ends the process.
  client.on('error', (error) => {
    fault = error
  })

  // connect() retries forever if there is no server.
  const deadline = new Promise((resolve) => setTimeout(resolve, connectSeconds * 1000, 'late').unref())
  const outcome = await Promise.race([
    client.connect().catch((/** @type {unknown} */ error) => {
      fault = error
      return 'failed'
    }),
    deadline,
  ])
  if (outcome === 'late' || outcome === 'failed') {
    client.destroy()
    const { host } = new URL(url)
    throw new EnvironmentError(
      `No Redis answers at REDIS_URL (${host}): ${reason(fault)}\n` +
        'Start one there, correct the variable, or unset it to keep the sessions in memory.',
    )
  }
  return { store: new RedisSessionStore({ client, idleSeconds: 3600 }), close: () => client.destroy() }
}

/** @param {unknown} fault */
function reason(fault) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (fault ?? {})
  return message || code || `Redis did not respond within ${connectSeconds} seconds`
}
