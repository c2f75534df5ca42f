import { html } from '../demo/html.js'
import { layout, loginLink, logoutForm } from '../demo/layout.js'

/**
 * @param {object} view
 * @param {string | undefined} view.name of the user who is logged in
 * @param {{ login: string, logout: string }} view.paths
 * @param {string} view.socket path of the WebSocket
 */
export function chatPage({ name, paths, socket }) {
  const title = name === undefined ? 'You are not logged in' : `You are ${name}`
  return layout({
    title,
    site: 'Chat',
    links: [{ to: '/', text: 'Chat' }],
    path: '/',
    who: name !== undefined && logoutForm(paths, { small: true }),
    content: html`<section class="card" aria-labelledby="title">
      <h1 id="title">${title}</h1>
      ${
        name === undefined
          ? html`<p class="muted prose">Log in to use the chat: the server refuses the connection until then.</p>
              <p>${loginLink(paths, '/')}</p>`
          : html`<form id="say">
              <label>Say <input name="text" autocomplete="off" maxlength="1000" required /></label>
              <button class="button primary">Send</button>
            </form>`
      }
      <p class="muted" id="state" role="status">Not connected</p>
      <ul class="rows" id="chat" data-socket="${socket}"></ul>
      <script src="/chat.js" defer></script>
    </section>`,
    foot: html`<span>WebSocket ${socket}</span>`,
  })
}
