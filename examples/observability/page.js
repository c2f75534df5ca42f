import { html } from '../demo/html.js'
import { layout, loginLink, logoutForm } from '../demo/layout.js'

/**
 * @param {object} view
 * @param {string} view.path
 * @param {string} view.title
 * @param {string | undefined} view.name of the user who is logged in
 * @param {{ login: string, logout: string }} view.paths
 * @param {readonly string[]} [view.rows]
 */
export function page({ path, title, name, paths, rows = [] }) {
  return layout({
    title,
    site: 'Observed',
    links: [
      { to: '/', text: 'Home' },
      { to: '/orders', text: 'Orders' },
      { to: '/admin', text: 'Admin' },
    ],
    path,
    who: name !== undefined && logoutForm(paths, { small: true }),
    content: html`<section class="card" aria-labelledby="title">
      <h1 id="title">${title}</h1>
      ${
        rows.length > 0 &&
        html`<ul class="rows">
          ${rows.map((row) => html`<li>${row}</li>`)}
        </ul>`
      }
      ${name === undefined && html`<p>${loginLink(paths, path)}</p>`}
      <p class="muted prose">Each step writes a log line and increments a metric. Neither contains a token.</p>
    </section>`,
    foot: html`<span>Log: standard output</span>`,
  })
}
