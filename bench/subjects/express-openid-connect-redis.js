/** express-openid-connect with sessions in Redis. */
import { RedisStore } from 'connect-redis'
import { build as buildWithCookies } from './express-openid-connect-cookies.js'
import { connectRedis } from './settings.js'

/** @param {import('./settings.js').Surroundings} surroundings */
export async function build(surroundings) {
  const client = await connectRedis(surroundings.redisUrl)
  return buildWithCookies(surroundings, { store: new RedisStore({ client }) })
}
