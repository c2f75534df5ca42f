import { html } from '../demo/html.js'
import { chips, layout, loginLink, logoutForm, message } from '../demo/layout.js'

/**
 * @typedef {object} View
 * @property {string} path
 * @property {{ login: string, logout: string }} paths
 * @property {string} issuer
 * @property {import('express-session-oidc').OidcContext} oidc
 */

/**
 * @param {View} view
 * @param {string} title
 * @param {import('../demo/html.js').Html} content
 */
function page({ path, paths, issuer, oidc }, title, content) {
  return layout({
    title,
    site: 'The shop',
    links: [
      { to: '/', text: 'Home' },
      { to: '/orders', text: 'Orders' },
      { to: '/prices', text: 'Prices' },
      { to: '/invoices', text: 'Invoices' },
    ],
    path,
    who: oidc.isAuthenticated && html`<span>${getName(oidc.user)}</span> ${logoutForm(paths, { small: true })}`,
    content,
    foot: html`<span>Provider: ${issuer}</span>`,
  })
}

/** @param {View} view */
export function homePage(view) {
  const { oidc, paths } = view
  const title = oidc.isAuthenticated ? `Hello, ${getName(oidc.user)}` : 'You are not logged in'
  return page(
    view,
    title,
    html`<section class="card hero" aria-labelledby="title">
      <h1 id="title">${title}</h1>
      ${
        oidc.isAuthenticated
          ? html`<p class="prose">So far you have granted:</p>
              ${chips(oidc.scope, 'granted')}`
          : html`<p class="prose">Orders and invoices come from other services, which this application calls as you.</p>
              ${loginLink(paths, '/')}`
      }
    </section>`,
  )
}

/** @param {View & { orders: string[], refreshes: number }} view */
export function ordersPage(view) {
  return page(
    view,
    'Your orders',
    html`<section class="card hero" aria-labelledby="title">
      <p class="eyebrow">From the orders API</p>
      <h1 id="title">Your orders</h1>
      ${list(view.orders)}
      <p class="prose">Access tokens refreshed so far: <span id="refreshes">${view.refreshes}</span></p>
    </section>`,
  )
}

/** @param {View & { prices: string[] }} view */
export function pricesPage(view) {
  return page(
    view,
    'Prices',
    html`<section class="card hero" aria-labelledby="title">
      <p class="eyebrow">From the orders API, which requires prices.read</p>
      <h1 id="title">Prices</h1>
      ${list(view.prices)}
    </section>`,
  )
}

/** @param {View & { invoices: string[] }} view */
export function invoicesPage(view) {
  return page(
    view,
    'Your invoices',
    html`<section class="card hero" aria-labelledby="title">
      <p class="eyebrow">From the invoices API, with an exchanged token</p>
      <h1 id="title">Your invoices</h1>
      ${list(view.invoices)}
    </section>`,
  )
}

/** @param {View} view */
export function notFoundPage(view) {
  return page(view, 'Not found', message({ eyebrow: '404', title: 'There is no such page' }))
}

/** @param {readonly string[]} entries */
function list(entries) {
  return html`<ul class="rows">
    ${entries.map((entry) => html`<li>${entry}</li>`)}
  </ul>`
}

/** @param {{ sub: string, name?: string | undefined }} user */
function getName({ name, sub }) {
  return name ?? sub
}
