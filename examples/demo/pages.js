import { claimsTable } from './claims-table.js'
import { html } from './html.js'
import { avatar, chips, layout, loginLink, logoutForm, message } from './layout.js'

/**
 * The data that a page shows. Some of it comes from the user or the provider, so all of it is escaped.
 *
 * @typedef {object} View
 * @property {string} path
 * @property {Login | undefined} login
 * @property {{ login: string, logout: string }} paths
 * @property {Facts} facts
 *
 * @typedef {object} Login
 * @property {string} name
 * @property {string | undefined} email
 * @property {readonly string[]} roles
 * @property {readonly string[]} scope
 * @property {Readonly<Record<string, unknown>>} claims
 *
 * @typedef {object} Facts
 * @property {string} issuer
 * @property {boolean} embedded whether the provider runs in this process
 * @property {string} store
 * @property {string} extraScope
 * @property {readonly { name: string, roles: readonly string[] }[]} users who can log in, if known
 */

/**
 * @param {View} view
 * @param {string} title
 * @param {import('./html.js').Html} content
 */
function page({ path, login, paths, facts }, title, content) {
  return layout({
    title,
    site: 'Express Session OIDC',
    links: [
      { to: '/', text: 'Home' },
      { to: '/members', text: 'Members' },
      { to: '/admin', text: 'Admin' },
    ],
    path,
    who: login
      ? html`<span>${login.name}</span> ${logoutForm(paths, { small: true })}`
      : loginLink(paths, '/', { small: true }),
    content,
    foot: html`<span>Provider: ${facts.issuer}${facts.embedded && ' (in this process)'}</span>
      <span>Sessions: ${facts.store}</span>`,
  })
}

/** @param {View} view */
export function homePage(view) {
  const { login } = view
  return page(
    view,
    login ? login.name : 'Not logged in',
    html`${login ? person(login, view) : stranger(view)}
      <div class="grid">${guardedPages(view)} ${furtherScope(view)}</div>
      ${fetchCard(view)}
      ${login && html`<section class="card" aria-labelledby="claims-title">${claimsTable(login.claims, 'claims-title')}</section>`}`,
  )
}

/**
 * @param {Login} login
 * @param {View} view
 */
function person({ name, email, roles, scope, claims }, { facts }) {
  return html`<section class="card hero" aria-labelledby="title">
    <div class="person">
      ${avatar(name)}
      <div>
        <p class="eyebrow">You are logged in</p>
        <h1 id="title">Hello, ${name}</h1>
      </div>
    </div>
    <dl class="facts">
      <div>
        <dt>E-mail</dt>
        <dd id="email">${email ?? 'not provided'}</dd>
      </div>
      <div>
        <dt>Provider</dt>
        <dd id="issuer">${claims['iss'] ?? facts.issuer}</dd>
      </div>
      <div>
        <dt>Roles</dt>
        <dd>${chips(roles, 'roles')}</dd>
      </div>
      <div>
        <dt>Scope</dt>
        <dd>${chips(scope, 'scopes')}</dd>
      </div>
    </dl>
  </section>`
}

/** @param {View} view */
function stranger({ paths, facts }) {
  return html`<section class="card hero" aria-labelledby="title">
    <p class="eyebrow">You are not logged in</p>
    <h1 id="title">Log in to see what an application learns about you</h1>
    <p class="prose">
      You log in at an OpenID provider. It redirects you back with a code, which the application exchanges for tokens.
      The tokens are stored alongside your session: your browser never receives them.
    </p>
    <div class="actions">${loginLink(paths, '/')}</div>
    ${
      facts.users.length > 0 &&
      html`<div class="facts">
        ${facts.users.map(
          (user) =>
            html`<div>
              <p>
                ${user.name}
                <span class="muted">can log in, with ${user.roles.length === 1 ? 'the role' : 'the roles'}</span>
              </p>
              ${chips(user.roles)}
            </div>`,
        )}
      </div>`
    }
  </section>`
}

/** @param {View} view */
function guardedPages({ login }) {
  const verdict = (/** @type {string} */ role) => {
    if (!login) return html`<span class="chip">asks you to log in</span>`
    if (login.roles.includes(role)) return html`<span class="chip good">open to you</span>`
    return html`<span class="chip bad">403 for you</span>`
  }
  return html`<section class="card" aria-labelledby="pages-title">
    <h2 id="pages-title">Pages for a role</h2>
    <p class="muted">
      ${login ? 'Each page requires a role. If you lack it, the response is 403, and a new login would not change that.' : 'After the login you return to the page that you requested.'}
    </p>
    <ul class="rows push">
      <li>
        <span
          ><a href="/members">Members</a><small>role <code>user</code></small></span
        >${verdict('user')}
      </li>
      <li>
        <span
          ><a href="/admin">Admin</a><small>role <code>admin</code></small></span
        >${verdict('admin')}
      </li>
    </ul>
  </section>`
}

/** @param {View} view */
function furtherScope({ login, facts }) {
  const scope = html`<code>${facts.extraScope}</code>`
  const granted = login?.scope.includes(facts.extraScope)
  return html`<section class="card" id="scope" aria-labelledby="scope-title">
    <h2 id="scope-title">One more scope</h2>
    ${
      granted
        ? html`<p><span class="chip good">granted</span></p>
            <p class="muted">
              The access token of this login now includes ${scope} too. Your session continued: you kept your place and
              your data.
            </p>`
        : html`<p class="muted">
              An application can request more scope when it needs it.
              ${login ? 'The provider asks you first, and you may refuse.' : 'You are not logged in, so this starts a login with more scope.'}
            </p>
            <p class="push"><a class="button" href="/connect/calendar">Request ${scope}</a></p>`
    }
  </section>`
}

/** @param {View} view */
function fetchCard({ login, paths }) {
  return html`<section class="card" aria-labelledby="fetch-title">
    <h2 id="fetch-title">A fetch from this page</h2>
    <p class="muted prose">
      ${login ? 'The response is 200 now. Log out in another tab, return to this one, and press the button again: a script gets a 401 in JSON, never a redirect.' : 'The response is a 401 in JSON: a script gets the login URL, not a redirect.'}
    </p>
    <div class="actions">
      <button class="button" type="button" id="fetch-time" data-url="/api/time">Fetch <code>/api/time</code></button>
      ${login && logoutForm(paths, { text: 'Log out in another tab', otherTab: true })}
    </div>
    <div id="answer" role="status" aria-live="polite"></div>
  </section>`
}

/** @param {View} view */
export function membersPage(view) {
  const text = html`You may open this page, ${view.login?.name}: your login has the role <code>user</code>. The guard
    decided that from your login record, without a request to the provider.`
  return page(view, 'Members', message({ eyebrow: html`Role <code>user</code>`, title: 'Members', text }))
}

/** @param {View} view */
export function adminPage(view) {
  const text = html`You may open this page, ${view.login?.name}: your login has the role <code>admin</code>. A user
    without that role gets 403.`
  return page(view, 'Admin', message({ eyebrow: html`Role <code>admin</code>`, title: 'Admin', text }))
}

/** @param {View} view */
export function notFoundPage(view) {
  return page(view, 'Not found', message({ eyebrow: '404', title: 'There is no such page' }))
}
