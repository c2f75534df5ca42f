/** Settings that all subjects share, so that they differ only in how they keep a login. */
import { createClient } from 'redis'

export const secret = 'a secret of the bench, more than thirty-two characters'

/**
 * The surroundings of a subject.
 *
 * @typedef {object} Surroundings
 * @property {string} url of the subject itself
 * @property {string} redisUrl
 * @property {{ issuer: string, clientId: string, clientSecret: string }} provider
 * @property {typeof globalThis.fetch} [fetch] sends the requests to the provider, if they are timed
 */

/**
 * The surroundings of an API.
 *
 * @typedef {object} ApiSurroundings
 * @property {{ issuer: string, audience: string, jwksUri: string }} provider
 */

/** The response of `/me`. @param {Record<string, unknown>} user */
export function getAnswer({ sub, name, email }) {
  return { sub, name, email }
}

/** @param {string} url */
export async function connectRedis(url) {
  const client = createClient({ url })
  client.on('error', (error) => {
    throw error
  })
  return await client.connect()
}

/** Options of express-session that its documentation recommends. */
export const sessionOptions = {
  secret,
  resave: false,
  saveUninitialized: false,
  cookie: { sameSite: /** @type {const} */ ('lax') },
}
