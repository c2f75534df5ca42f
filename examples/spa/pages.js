/** The second origin, which serves files and has no state. */
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import express from 'express'
import helmet from 'helmet'
import { Html } from '../demo/html.js'
import { homePage, notFoundPage, silentPage, walkPage } from './views.js'

/** The libraries from their packages, and the modules that they import. */
const modules = {
  'oidc-client-ts': { file: 'oidc-client-ts.js', from: import.meta.resolve('oidc-client-ts') },
  'jwt-decode': { file: 'jwt-decode.js', from: import.meta.resolve('jwt-decode') },
  'keycloak-js': { file: 'keycloak-js.js', from: import.meta.resolve('keycloak-js') },
}

const importMap = JSON.stringify({
  imports: Object.fromEntries(Object.entries(modules).map(([name, { file }]) => [name, `/modules/${file}`])),
})

/** The libraries that have a page and a script in `public/`. */
export const libraries = /** @type {const} */ (['oidc-client-ts', 'keycloak-js'])

/**
 * @typedef {object} Settings settings of the scripts; none of them is secret
 * @property {string} issuer
 * @property {string} clientId a public client
 * @property {string} apiUrl
 */

/**
 * @param {Settings} settings
 * @returns {import('express').Express}
 */
export function createPages(settings) {
  const { issuer, apiUrl } = settings
  const providerOrigin = new URL(issuer).origin

  const app = express()
  app.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          'default-src': ["'none'"],
          // An import map must be inline in the page. Its hash permits it, and no other inline script.
          'script-src': ["'self'", `'sha256-${createHash('sha256').update(importMap).digest('base64')}'`],
          'style-src': ["'self'"],
          'img-src': ["'self'"],
          // Limits where an injected script could send tokens.
          'connect-src': [providerOrigin, new URL(apiUrl).origin],
          // The hidden frame that looks for an existing login at the provider.
          'frame-src': ["'self'", providerOrigin],
          'frame-ancestors': ["'self'"],
          'form-action': ["'none'"],
          'base-uri': ["'none'"],
        },
      },
    }),
  )
  app.use((_req, res, next) => {
    // After a logout, the back button then requests the page from the server, not from the browser's cache.
    res.set('Cache-Control', 'no-store')
    next()
  })
  app.use(
    express.static(fileURLToPath(new URL('../demo/public', import.meta.url)), { index: false, cacheControl: false }),
  )
  app.use('/scripts', express.static(fileURLToPath(new URL('public', import.meta.url)), { cacheControl: false }))
  for (const { file, from } of Object.values(modules)) {
    app.get(`/modules/${file}`, (_req, res) => res.sendFile(fileURLToPath(from)))
  }

  app.get('/', (_req, res) => {
    res.send(homePage())
  })
  for (const library of libraries) {
    app.get(`/${library}`, (_req, res) => {
      res.send(walkPage({ library, settings, importMap: new Html(importMap) }))
    })
    app.get(`/${library}/silent`, (_req, res) => {
      res.send(silentPage({ library, importMap: new Html(importMap) }))
    })
  }
  app.use((_req, res) => {
    res.status(404).send(notFoundPage())
  })
  return app
}

/**
 * The URIs to register at the provider for the pages.
 *
 * @param {string} baseUrl
 */
export function registration(baseUrl) {
  return {
    redirectUris: libraries.flatMap((library) => [`${baseUrl}/${library}`, `${baseUrl}/${library}/silent`]),
    postLogoutRedirectUris: libraries.map((library) => `${baseUrl}/${library}`),
  }
}
