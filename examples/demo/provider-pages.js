import { Html, html } from './html.js'

/** @typedef {import('./provider.js').User} User */
/** @typedef {{ name: string, accent: string }} Theme */

/**
 * @param {Theme} theme
 * @param {string} title
 * @param {import('./html.js').Html} content
 */
function page({ name, accent }, title, content) {
  return html`<!doctype html>
    <html lang="en" class="${accent}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} - ${name}</title>
        <link rel="stylesheet" href="/assets/style.css" />
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
      </head>
      <body>
        <main>
          <p class="brand">${logo} ${name}</p>
          ${content}
        </main>
        <footer>An OpenID provider for demonstration: it has no passwords and stores nothing.</footer>
      </body>
    </html> `.toString()
}

const logo = html`<svg viewBox="0 0 24 24" width="28" height="28" aria-hidden="true" focusable="false">
  <path d="M12 2 4 5v6c0 5 3.4 9.3 8 11 4.6-1.7 8-6 8-11V5z" />
  <path class="tick" d="m8.3 11.9 2.6 2.6 4.9-5" />
</svg>`

/**
 * @param {Theme} theme
 * @param {{ application: string, action: string, users: User[], user: User | undefined }} view `user`: the one logged in
 */
export function loginPage(theme, { application, action, users, user }) {
  return page(
    theme,
    'Log in',
    html`<h1>${user ? 'Is it still you?' : 'Who are you?'}</h1>
      <p>${user ? 'Confirm who you are' : 'Log in'} to continue to <strong>${application}</strong>.</p>
      <form method="post" action="${action}">
        <ul class="users">
          ${(user ? [user] : users).map(
            (user) =>
              html`<li>
                <button class="user" name="account" value="${user.sub}">
                  <span class="initial" aria-hidden="true">${user.name.slice(0, 1)}</span>
                  <span
                    ><strong>${user.name}</strong><span class="small">${user.email}</span
                    ><span class="small">${user.about}</span></span
                  >
                </button>
              </li>`,
          )}
        </ul>
        <p class="aside"><button class="quiet" name="cancel" value="yes">Cancel</button></p>
      </form>`,
  )
}

/**
 * @param {Theme} theme
 * @param {{ application: string, action: string, user: User | undefined, wishes: { scope: string, text: string }[] }} view
 */
export function consentPage(theme, { application, action, user, wishes }) {
  return page(
    theme,
    'Allow access',
    html`<h1>Allow access?</h1>
      <p>
        <strong>${application}</strong> asks ${user ? html`you, <strong>${user.name}</strong>,` : 'you'} for
        ${wishes.length > 0 ? 'more access' : 'your consent'}:
      </p>
      <ul class="wishes">
        ${wishes.map((wish) => html`<li><span>${wish.text}</span> <code>${wish.scope}</code></li>`)}
      </ul>
      <form method="post" action="${action}" class="choices">
        <button class="primary" name="decision" value="allow">Allow</button>
        <button class="secondary" name="decision" value="refuse">Refuse</button>
      </form>`,
  )
}

/**
 * @param {Theme} theme
 * @param {string} form the provider's own form as markup, with the id `op.logoutForm`
 * @param {boolean} sure whether the logout needs no confirmation
 */
export function logoutPage(theme, form, sure) {
  const provided = new Html(form)
  return page(
    theme,
    'Log out',
    sure
      ? html`<h1>Logging you out</h1>
          ${provided}
          <p><button class="primary" form="op.logoutForm" name="logout" value="yes">Continue</button></p>
          <script src="/assets/submit.js"></script>`
      : html`<h1>Log out of ${theme.name}?</h1>
          <p>An application asks to end your session here.</p>
          ${provided}
          <p class="choices">
            <button class="primary" form="op.logoutForm" name="logout" value="yes">Log out</button>
            <button class="secondary" form="op.logoutForm">Stay logged in</button>
          </p>`,
  )
}

/**
 * @param {Theme} theme
 * @param {string} title
 * @param {string} text
 * @param {string} [code]
 */
export function messagePage(theme, title, text, code) {
  return page(
    theme,
    title,
    html`<h1>${title}</h1>
      <p>${text}</p>
      ${code && html`<p class="small">Error code: <code>${code}</code></p>`}`,
  )
}
