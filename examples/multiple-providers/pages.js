import { html } from '../demo/html.js'
import { avatar, layout, loginLink, logoutForm, message } from '../demo/layout.js'

/**
 * @typedef {object} View
 * @property {string} path
 * @property {readonly Login[]} logins one for each provider, whether or not the user is logged in there
 *
 * @typedef {object} Login
 * @property {string} text name of its group of users
 * @property {string} as role in the text of the login link
 * @property {{ login: string, logout: string }} paths
 * @property {string} issuer
 * @property {import('express-session-oidc').OidcContext} oidc
 *
 * @typedef {{ sub: string, name?: string | undefined, email?: string | undefined }} Person
 */

/**
 * @param {View} view
 * @param {string} title
 * @param {import('../demo/html.js').Html} content
 */
function page({ path, logins }, title, content) {
  return layout({
    title,
    site: 'Two providers',
    links: [
      { to: '/', text: 'Home' },
      { to: '/staff-only', text: 'Staff only' },
      { to: '/customers-only', text: 'Customers only' },
      { to: '/either', text: 'Either' },
    ],
    path,
    who: false,
    content,
    foot: html`${logins.map(({ text, issuer }) => html`<span>${text}: ${issuer}</span>`)}`,
  })
}

/** @param {View} view */
export function homePage(view) {
  const count = view.logins.filter(({ oidc }) => oidc.isAuthenticated).length
  const title = ['You are not logged in', 'You are logged in once', 'You are logged in twice'][count] ?? ''
  return page(
    view,
    title,
    html`<div>
        <h1>${title}</h1>
        <p class="muted prose">
          Your session has a separate login for each provider. You can log in with both, and log out of one without
          affecting the other.
        </p>
      </div>
      <div class="grid">${view.logins.map(card)}</div>
      <section class="card" aria-labelledby="pages-title">
        <h2 id="pages-title">Guarded pages</h2>
        <ul class="rows">
          ${row('/staff-only', 'Staff only', 'a login as staff')}
          ${row('/customers-only', 'Customers only', 'a login as a customer')}
          ${row('/either', 'Either', 'one of the two logins')}
        </ul>
      </section>`,
  )
}

/** @param {Login} login */
function card({ text, as, paths, issuer, oidc }) {
  const { user } = oidc
  return html`<section class="card" id="${oidc.provider}" aria-labelledby="${oidc.provider}-title">
    <h2 id="${oidc.provider}-title">${text}</h2>
    ${
      user
        ? html`<div class="person">
            ${avatar(getName(user))}
            <div>
              <p><strong>${getName(user)}</strong></p>
              <p class="muted">${user.email}</p>
            </div>
          </div>`
        : html`<p class="muted">You are not logged in at ${issuer}.</p>`
    }
    <div class="push">
      ${
        user
          ? logoutForm(paths, { text: html`Log out <span class="hidden">of ${text}</span>` })
          : loginLink(paths, '/', { text: `Log in as ${as}` })
      }
    </div>
  </section>`
}

/**
 * @param {string} to
 * @param {string} text
 * @param {string} needs
 */
function row(to, text, needs) {
  return html`<li>
    <span><a href="${to}">${text}</a><small>needs ${needs}</small></span>
  </li>`
}

/**
 * @param {View} view
 * @param {string} returnTo
 */
export function signInPage(view, returnTo) {
  return page(
    view,
    'Sign in',
    html`<section class="card hero" aria-labelledby="title">
      <div>
        <p class="eyebrow">To open ${returnTo}</p>
        <h1 id="title">How do you want to log in?</h1>
      </div>
      <ul class="rows">
        ${view.logins.map(
          ({ text, as, paths, issuer, oidc }) =>
            html`<li>
              <span
                >${text}<small
                  >${oidc.isAuthenticated ? `you are logged in as ${getName(oidc.user)}` : issuer}</small
                ></span
              >
              ${loginLink(paths, returnTo, { text: html`Log in <span class="hidden">as ${as}</span>` })}
            </li>`,
        )}
      </ul>
    </section>`,
  )
}

/**
 * @param {View} view
 * @param {string} title
 * @param {Person} user
 * @param {string} provider
 */
export function guardedPage(view, title, user, provider) {
  const text = html`You opened this page as <strong>${getName(user)}</strong>, with the login of
    <code>${provider}</code>.`
  return page(view, title, message({ eyebrow: 'Guarded', title, text }))
}

/** @param {View} view */
export function notFoundPage(view) {
  return page(view, 'Not found', message({ eyebrow: '404', title: 'There is no such page' }))
}

/** @param {Person} user */
function getName({ name, sub }) {
  return name ?? sub
}
