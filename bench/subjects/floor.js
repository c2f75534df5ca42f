/** The lowest possible cost of a session in Redis: a store that reads with one `MGET` and renews nothing. */
import express from 'express'
import session from 'express-session'
import { addLogin } from './express-session.js'
import { connectRedis, sessionOptions } from './settings.js'

const seconds = 86_400

class FloorStore extends session.Store {
  /** @param {Awaited<ReturnType<typeof connectRedis>>} client */
  constructor(client) {
    super()
    this.client = client
  }

  /** A store that keeps logins beside its sessions would read the second key. @type {session.Store['get']} */
  get(id, done) {
    this.client.mGet([`sess:${id}`, `login:${id}`]).then(([text]) => done(null, text && JSON.parse(text)), done)
  }

  /** @type {session.Store['set']} */
  set(id, data, done) {
    const expiration = { type: /** @type {const} */ ('EX'), value: seconds }
    void this.client.set(`sess:${id}`, JSON.stringify(data), { expiration }).then(() => done?.(), done)
  }

  /** @type {session.Store['destroy']} */
  destroy(id, done) {
    void this.client.del(`sess:${id}`).then(() => done?.(), done)
  }

  /** @type {NonNullable<session.Store['touch']>} */
  touch(_id, _data, done) {
    done?.()
  }
}

/** @param {import('./settings.js').Surroundings} surroundings */
export async function build(surroundings) {
  const store = new FloorStore(await connectRedis(surroundings.redisUrl))
  const app = express()
  app.use(session({ ...sessionOptions, store }))
  await addLogin(app, surroundings, { keepTokens: false })
  return app
}
