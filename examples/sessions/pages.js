import { html } from '../demo/html.js'
import { layout, loginLink, logoutForm, message } from '../demo/layout.js'

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
    site: 'The library',
    links: [
      { to: '/', text: 'Home' },
      { to: '/devices', text: 'Your devices' },
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
          ? html`<p class="prose">See <a href="/devices">where you are logged in</a>, and log out there.</p>`
          : html`<p class="prose">Log in here and in another browser, then open the list of your devices.</p>
              ${loginLink(paths, '/devices')}`
      }
    </section>`,
  )
}

/** @param {View & { logins: readonly import('express-session-oidc').OidcLogin[] }} view */
export function devicesPage(view) {
  const { logins, oidc } = view
  const title = 'Your devices'
  return page(
    view,
    title,
    html`<section class="card hero" aria-labelledby="title">
      <h1 id="title">${title}</h1>
      <p class="prose">You are logged in on ${logins.length === 1 ? 'one device' : `${logins.length} devices`}.</p>
      <ul class="rows">
        ${logins.map((login) => device(login, login.id === oidc.loginId))}
      </ul>
      ${
        logins.length > 1 &&
        html`<form method="post" action="/devices/others/end">
          <button class="button">Log out everywhere else</button>
        </form>`
      }
    </section>`,
  )
}

/**
 * @param {import('express-session-oidc').OidcLogin} login
 * @param {boolean} isThis
 */
function device({ id, userAgent, address, startedAt, lastSeenAt }, isThis) {
  const seen = lastSeenAt === undefined ? '' : `, last seen ${getTime(lastSeenAt)}`
  return html`<li>
    <span
      >${deviceName(userAgent)}<small
        >since ${getTime(startedAt)}${seen}${address !== undefined && `, from ${address}`}</small
      ></span
    >
    ${
      isThis
        ? html`<span class="chip">this device</span>`
        : html`<form method="post" action="/devices/${id}/end">
            <button class="button small">Log out there</button>
          </form>`
    }
  </li>`
}

/** Names in the `User-Agent` header, the most specific first: nearly all browsers also send Safari. */
const browsers = {
  Edg: 'Edge',
  OPR: 'Opera',
  Firefox: 'Firefox',
  FxiOS: 'Firefox',
  Chrome: 'Chrome',
  CriOS: 'Chrome',
  Safari: 'Safari',
}
const systems = {
  iPhone: 'iPhone',
  iPad: 'iPad',
  Android: 'Android',
  Windows: 'Windows',
  'Mac OS X': 'macOS',
  CrOS: 'ChromeOS',
  Linux: 'Linux',
}

/** @param {string | undefined} userAgent */
function deviceName(userAgent = '') {
  const browser = Object.entries(browsers).find(([mark]) => userAgent.includes(`${mark}/`))?.[1]
  const system = Object.entries(systems).find(([mark]) => userAgent.includes(mark))?.[1]
  if (browser === undefined) return userAgent.slice(0, 40) || 'Unknown browser'
  return system === undefined ? browser : `${browser} on ${system}`
}

/** @param {number} seconds since the epoch */
function getTime(seconds) {
  return `${new Date(seconds * 1000).toISOString().replace('T', ' ').slice(0, 16)} UTC`
}

/** @param {View} view */
export function endedPage(view) {
  const text = html`It may have ended already. <a href="/devices">Open the list again</a>`
  return page(view, 'No such login', message({ eyebrow: '404', title: 'You have no such login', text }))
}

/** @param {View} view */
export function notFoundPage(view) {
  return page(view, 'Not found', message({ eyebrow: '404', title: 'There is no such page' }))
}

/** @param {{ sub: string, name?: string | undefined }} user */
function getName({ name, sub }) {
  return name ?? sub
}
