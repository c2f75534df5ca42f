/** A hand-written login with openid-client. It keeps the tokens in the session, as most tutorials do. */
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import * as client from 'openid-client'
import { getAnswer, connectRedis, sessionOptions } from './settings.js'

/** @param {import('./settings.js').Surroundings} surroundings @param {{ disableTouch?: boolean }} [options] */
export async function build(surroundings, { disableTouch = false } = {}) {
  const store = new RedisStore({ client: await connectRedis(surroundings.redisUrl), disableTouch })
  const app = express()
  app.use(session({ ...sessionOptions, store }))
  await addLogin(app, surroundings)
  return app
}

/**
 * Adds a login and the page behind it.
 *
 * @param {express.Express} app
 * @param {import('./settings.js').Surroundings} surroundings
 * @param {{ keepTokens?: boolean }} [options]
 */
export async function addLogin(app, { url, provider, fetch }, { keepTokens = true } = {}) {
  const authentication = client.ClientSecretBasic(provider.clientSecret)
  const config = await client.discovery(new URL(provider.issuer), provider.clientId, undefined, authentication, {
    execute: [client.allowInsecureRequests],
  })
  if (fetch) config[client.customFetch] = fetch

  app.get('/login', (req, res, next) => void beginLogin(req, res).catch(next))
  app.get('/callback', (req, res, next) => void finishLogin(req, res).catch(next))
  app.get('/me', requireUser, (req, res) => {
    res.json(getAnswer(req.session.user))
  })

  /** @param {express.Request} req @param {express.Response} res */
  async function beginLogin(req, res) {
    const login = {
      verifier: client.randomPKCECodeVerifier(),
      state: client.randomState(),
      nonce: client.randomNonce(),
    }
    req.session.login = login
    const target = client.buildAuthorizationUrl(config, {
      redirect_uri: `${url}/callback`,
      scope: 'openid profile email',
      code_challenge: await client.calculatePKCECodeChallenge(login.verifier),
      code_challenge_method: 'S256',
      state: login.state,
      nonce: login.nonce,
    })
    await called((done) => req.session.save(done))
    res.redirect(target.href)
  }

  /** @param {express.Request} req @param {express.Response} res */
  async function finishLogin(req, res) {
    const { verifier, state, nonce } = req.session.login
    const tokens = await client.authorizationCodeGrant(config, new URL(req.originalUrl, url), {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
    })
    await called((done) => req.session.regenerate(done))
    const { access_token, id_token, refresh_token } = tokens
    if (keepTokens) {
      const expiresAt = Date.now() + tokens.expires_in * 1000
      req.session.tokens = { access_token, id_token, refresh_token, expires_at: expiresAt }
    }
    req.session.user = getAnswer(tokens.claims())
    await called((done) => req.session.save(done))
    res.redirect('/me')
  }
}

/** @type {import('express').RequestHandler} */
function requireUser(req, res, next) {
  if (req.session.user) next()
  else res.redirect('/login')
}

/** @param {(done: (error?: unknown) => void) => unknown} call @returns {Promise<void>} */
function called(call) {
  return new Promise((resolve, reject) => void call((error) => (error ? reject(error) : resolve())))
}
