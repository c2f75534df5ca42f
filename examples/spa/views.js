import { Html, html } from '../demo/html.js'
import { layout, message } from '../demo/layout.js'

const links = [
  { to: '/', text: 'Home' },
  { to: '/oidc-client-ts', text: 'oidc-client-ts' },
  { to: '/keycloak-js', text: 'keycloak-js' },
]

/**
 * @param {object} parts
 * @param {string} parts.path
 * @param {string} parts.title
 * @param {import('../demo/html.js').Html} parts.content
 * @param {import('../demo/html.js').Html} [parts.foot]
 * @param {import('../demo/html.js').Html} [parts.who]
 */
function page({ path, title, content, foot = html``, who }) {
  return layout({ title, site: 'Pages and an API', links, path, who: who ?? false, content, foot })
}

export function homePage() {
  return page({
    path: '/',
    title: 'Two pages, one API',
    content: html`<div>
        <h1>Two pages, one API</h1>
        <p class="muted prose">
          Both pages are public clients: they log in with PKCE, and call an API of another origin with an access token.
          They do the same with different libraries.
        </p>
      </div>
      <div class="grid">
        ${links.slice(1).map(
          ({ to, text }) =>
            html`<section class="card">
              <h2>With ${text}</h2>
              <p class="muted">Log in, call the API, step up, log out.</p>
              <p class="push"><a class="button primary" href="${to}">Open ${text}</a></p>
            </section>`,
        )}
      </div>`,
  })
}

/** The calls that the pages offer, and the requirements of the API. */
const calls = [
  { id: 'profile', method: 'GET', path: '/profile', needs: 'an access token' },
  { id: 'calendar', method: 'GET', path: '/calendar', needs: 'the scope calendar.read' },
  { id: 'admin', method: 'GET', path: '/admin', needs: 'the role admin' },
  { id: 'transfer', method: 'POST', path: '/transfers', needs: 'a strong and recent login' },
]

/**
 * The page before its script runs. The script then shows one of two parts.
 *
 * @param {{ library: string, settings: import('./pages.js').Settings, importMap: import('../demo/html.js').Html }} view
 */
export function walkPage({ library, settings: { issuer, clientId, apiUrl }, importMap }) {
  return page({
    path: `/${library}`,
    title: library,
    who: html`<span id="who"></span> <button class="button small" type="button" id="log-out" hidden>Log out</button>`,
    content: html`<link rel="stylesheet" href="/scripts/style.css" />
      <section class="card hero" aria-labelledby="title">
        <p class="eyebrow">With ${library}</p>
        <h1 id="title" tabindex="-1">One moment</h1>
        <p class="prose" id="notice" role="status" aria-live="polite"></p>
        <dl class="facts" id="token" hidden>
          <div>
            <dt>Scope</dt>
            <dd id="scope"></dd>
          </div>
          <div>
            <dt>Access token valid until</dt>
            <dd id="until"></dd>
          </div>
          <div>
            <dt>Renewed</dt>
            <dd><span id="renewals">0</span> times since this page was loaded</dd>
          </div>
        </dl>
        <div class="actions">
          <button class="button primary" type="button" id="log-in" hidden>Log in</button>
        </div>
      </section>
      <section class="card" aria-labelledby="calls-title">
        <h2 id="calls-title">Call the API</h2>
        <p class="muted prose">
          The API has another origin, ${apiUrl}, and allows the scripts of this page to read its responses.
        </p>
        <ul class="rows">
          ${calls.map(
            ({ id, method, path, needs }) =>
              html`<li>
                <span><code>${method} ${path}</code><small>needs ${needs}</small></span>
                <button class="button small" type="button" id="call-${id}" data-method="${method}" data-path="${path}">
                  Call <span class="hidden">${path}</span>
                </button>
              </li>`,
          )}
        </ul>
        <div id="answer" role="status" aria-live="polite"></div>
      </section>
      <noscript><p>These pages need JavaScript.</p></noscript>
      ${inlineMap(importMap)}
      <script
        type="module"
        src="/scripts/with-${library}.js"
        id="settings"
        data-issuer="${issuer}"
        data-client-id="${clientId}"
        data-api-url="${apiUrl}"
      ></script>`,
    foot: html`<span>Provider: ${issuer}</span> <span>API: ${apiUrl}</span>`,
  })
}

/**
 * The import map without white space around it, which would be part of the hash.
 *
 * @param {import('../demo/html.js').Html} importMap
 */
function inlineMap(importMap) {
  return new Html(`<script type="importmap">${importMap.source}</script>`)
}

/**
 * The page to which the provider redirects a hidden frame. It passes its URL to the page around the frame.
 *
 * @param {{ library: string, importMap: import('../demo/html.js').Html }} view
 */
export function silentPage({ library, importMap }) {
  return html`<!doctype html>
    <html lang="en">
      <title>Silent login</title>
      ${inlineMap(importMap)}
      <script type="module" src="/scripts/silent-${library}.js"></script>
    </html> `.toString()
}

export function notFoundPage() {
  return page({
    path: '',
    title: 'Not found',
    content: message({ eyebrow: '404', title: 'There is no such page' }),
  })
}
