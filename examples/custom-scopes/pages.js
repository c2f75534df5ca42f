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
    site: 'The planner',
    links: [
      { to: '/', text: 'Home' },
      { to: '/calendar', text: 'Calendar' },
      { to: '/contacts', text: 'Contacts' },
      { to: '/transfer', text: 'Transfer' },
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
            : html`<p class="prose">The login requests your identity and nothing else.</p>
                ${loginLink(paths, '/')}`
        }
      </section>
      <section class="card" aria-labelledby="pages-title">
        <h2 id="pages-title">Pages that need more</h2>
        <ul class="rows">
          ${row('/calendar', 'Calendar', 'requests calendar.read when you open it')}
          ${row('/contacts', 'Contacts', 'needs contacts.read, and tells you so')}
          ${row('/transfer', 'Transfer', 'asks you to confirm your login each time')}
        </ul>
        ${
          oidc.isAuthenticated &&
          !oidc.scope.includes('contacts.read') &&
          html`<p><a class="button" href="/connect/contacts">Connect your contacts</a></p>`
        }
      </section>`,
  )
}

/**
 * @param {string} to
 * @param {string} text
 * @param {string} needs
 */
function row(to, text, needs) {
  return html`<li>
    <span><a href="${to}">${text}</a><small>${needs}</small></span>
  </li>`
}

/** @param {View} view */
export function calendarPage(view) {
  const text = html`You have granted <code>calendar.read</code>: an access token of this login can read your calendar.`
  return page(view, 'Your calendar', message({ eyebrow: 'Granted', title: 'Your calendar', text }))
}

/** @param {View} view */
export function contactsPage(view) {
  const text = html`You have granted <code>contacts.read</code>: an access token of this login can read your contacts.`
  return page(view, 'Your contacts', message({ eyebrow: 'Granted', title: 'Your contacts', text }))
}

/** @param {View} view */
export function transferPage(view) {
  const text = 'You have just confirmed your login. After a minute, this page asks you to confirm it again.'
  return page(view, 'Transfer money', message({ eyebrow: 'Confirmed', title: 'Transfer money', text }))
}

/** @param {View} view */
export function notFoundPage(view) {
  return page(view, 'Not found', message({ eyebrow: '404', title: 'There is no such page' }))
}

/** @param {{ sub: string, name?: string | undefined }} user */
function getName({ name, sub }) {
  return name ?? sub
}
