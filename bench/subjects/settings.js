/** What all subjects have in common, so that they differ in nothing but how a login is kept. */
import { createClient } from 'redis'

export const secret = 'a secret of the bench, more than thirty-two characters'

/**
 * What a subject is told of where things are.
 *
 * @typedef {object} Surroundings
 * @property {string} url of the subject itself
 * @property {string} redisUrl
 * @property {{ issuer: string, clientId: string, clientSecret: string }} provider
 * @property {typeof globalThis.fetch} [fetch] what requests to the provider go through, where they are timed
 */

/**
 * What an API is told of where its tokens come from.
 *
 * @typedef {object} ApiSurroundings
 * @property {{ issuer: string, audience: string, jwksUri: string }} provider
 */

/** What `/me` answers. @param {Record<string, unknown>} user */
export function answerOf({ sub, name, email }) {
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

/** Options of express-session: what its documentation tells everybody to set. */
export const sessionOptions = {
  secret,
  resave: false,
  saveUninitialized: false,
  cookie: { sameSite: /** @type {const} */ ('lax') },
}
