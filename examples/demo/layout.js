import { html } from './html.js'

/**
 * The frame of a page: a header with links and the user, the content, a footer.
 *
 * @param {object} parts
 * @param {string} parts.title
 * @param {string} parts.site
 * @param {readonly { to: string, text: string }[]} parts.links
 * @param {string} parts.path of this page
 * @param {import('./html.js').Html | false} parts.who
 * @param {import('./html.js').Html} parts.content
 * @param {import('./html.js').Html} parts.foot
 */
export function layout({ title, site, links, path, who, content, foot }) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} - ${site}</title>
        <link rel="stylesheet" href="/style.css" />
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
        <script src="/app.js" defer></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header>
          <div>
            <a class="brand" href="/">${site}</a>
            <nav aria-label="Pages">
              <ul>
                ${links.map(
                  ({ to, text }) =>
                    html`<li><a href="${to}" ${path === to && html`aria-current="page"`}>${text}</a></li>`,
                )}
              </ul>
            </nav>
            ${who && html`<div class="who">${who}</div>`}
          </div>
        </header>
        <main id="main" tabindex="-1">${content}</main>
        <footer>${foot}</footer>
      </body>
    </html> `.toString()
}

/**
 * The content of a page with a single message.
 *
 * @param {{ eyebrow: unknown, title: string, text?: unknown }} parts
 */
export function message({ eyebrow, title, text }) {
  return html`<section class="card hero" aria-labelledby="title">
    <p class="eyebrow">${eyebrow}</p>
    <h1 id="title">${title}</h1>
    ${text && html`<p class="prose">${text}</p>`}
    <p><a href="/">Back to the start</a></p>
  </section>`
}

/**
 * A form, not a link, because a logout changes state.
 *
 * @param {{ logout: string }} paths
 * @param {{ small?: boolean, text?: unknown, otherTab?: boolean }} [look]
 */
export function logoutForm({ logout }, { small = false, text = 'Log out', otherTab = false } = {}) {
  return html`<form method="post" action="${logout}" ${otherTab && html`target="_blank"`}>
    <button class="button ${small && 'small'}">${text}</button>
  </form>`
}

/**
 * @param {{ login: string }} paths
 * @param {string} returnTo
 * @param {{ small?: boolean, text?: unknown }} [look]
 */
export function loginLink({ login }, returnTo, { small = false, text = 'Log in' } = {}) {
  return html`<a class="button primary ${small && 'small'}" href="${login}?returnTo=${encodeURIComponent(returnTo)}"
    >${text}</a
  >`
}

/**
 * @param {readonly string[]} words
 * @param {string} [id]
 */
export function chips(words, id) {
  if (words.length === 0) return html`<span ${id !== undefined && html`id="${id}"`}>none</span>`
  return html`<ul class="chips" ${id !== undefined && html`id="${id}"`}>
    ${words.map((word) => html`<li class="chip">${word}</li>`)}
  </ul>`
}

/** @param {string} name */
export function avatar(name) {
  const words = name.split(/\s+/).filter(Boolean)
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => Array.from(word ?? '')[0] ?? '')
  return html`<span class="avatar" aria-hidden="true">${letters.join('')}</span>`
}
