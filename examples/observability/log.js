/** Writes a log line for each event, each failure and each request. */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'

/** @typedef {import('express-session-oidc').OidcEventName} OidcEventName */

/**
 * The level of each event. An event with a `status` of 500 or more is logged as an error instead.
 *
 * @satisfies {Record<OidcEventName, import('pino').Level>}
 */
const levels = {
  login_begun: 'debug',
  login: 'info',
  login_failed: 'info',
  logout: 'info',
  refresh: 'debug',
  refresh_failed: 'info',
  denied: 'info',
  token_rejected: 'info',
  store_fault: 'error',
  provider_fault: 'error',
}

/** The fields that all log lines of one request share. */
const request = new AsyncLocalStorage()

/**
 * @param {object} [options]
 * @param {import('pino').Level} [options.level] the lowest level that is written
 * @param {import('pino').DestinationStream} [options.to] default: standard output
 */
export function createLog({ level = 'info', to = pino.destination(1) } = {}) {
  return pino({ level, base: null, mixin: () => ({ ...request.getStore() }) }, to)
}

/**
 * @param {Pick<import('express-session-oidc').Oidc, 'on'>} oidc or the result of `createBearer()`
 * @param {import('pino').Logger} log
 * @returns {() => void} stops the logging
 */
export function logEvents(oidc, log) {
  const names = /** @type {OidcEventName[]} */ (Object.keys(levels))
  const stops = names.map((name) =>
    oidc.on(name, (event) => {
      const level = 'status' in event && event.status >= 500 ? 'error' : levels[name]
      log[level]({ event: name, ...event }, `oidc ${name}`)
    }),
  )
  return () => stops.forEach((stop) => stop())
}

/**
 * Returns the option `log`, which logs failures and setup warnings with their fix.
 *
 * @param {import('pino').Logger} log
 * @returns {(entry: import('express-session-oidc').OidcLogEntry) => void}
 */
export function logFailures(log) {
  return ({ level, message, error, ...entry }) => log[level]({ ...entry, err: error }, message)
}

/**
 * Logs requests. Use it before the session, so that every log line of a request has the id of that request.
 *
 * @param {import('pino').Logger} log
 * @returns {import('express').RequestHandler}
 */
export function logRequests(log) {
  return (req, res, next) => {
    const start = performance.now()
    // Without the query, because that of the callback contains the authorization code.
    const [path] = req.originalUrl.split('?', 1)
    request.run({ requestId: randomUUID() }, () => {
      const done = () => {
        const ms = Math.round(performance.now() - start)
        log.info(
          { method: req.method, path, status: res.statusCode, ms },
          res.writableFinished ? 'request' : 'request aborted',
        )
      }
      res.once('close', AsyncResource.bind(done))
      next()
    })
  }
}
