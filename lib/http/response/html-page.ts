import { createHash } from 'node:crypto'
import type { Response } from 'express'

/** What one of our pages says. */
export interface Page {
  readonly title: string
  readonly paragraphs: readonly string[]
  /** In small print, for whoever is asked for help. */
  readonly small?: string | undefined
  readonly link?: { readonly href: string; readonly text: string } | undefined
  /** A form of one button. */
  readonly button?: { readonly action: string; readonly text: string } | undefined
  /** Goes on to there at once. */
  readonly refresh?: string | undefined
}

// Inline, so that no further route is needed; helmet's default policy permits it, and without it the page still reads.
const style =
  ':root{color-scheme:light dark}body{font:1.0625rem/1.5 system-ui,sans-serif;margin:0;padding:2rem 1rem}' +
  'main{max-width:34rem;margin:10vh auto 0}h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}small{opacity:.75;overflow-wrap:anywhere}' +
  'a,button{display:inline-block;font:inherit;padding:.6rem 1.1rem;border:1px solid;border-radius:.5rem;background:none;color:inherit;text-decoration:none;cursor:pointer}' +
  'a:focus-visible,button:focus-visible{outline:3px solid Highlight;outline-offset:2px}'

/** What a page of ours needs, in the words of Content Security Policy Level 3: its style, a form to us, and nothing else. */
export const pagePolicy: string =
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; ` +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** A page as HTML. All texts are escaped; there is no script in it. */
export function renderPage(page: Page): string {
  const { title, paragraphs, small, link, button, refresh } = page
  const parts = paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`)
  if (button) {
    parts.push(
      `<form method="post" action="${escapeHtml(button.action)}"><button>${escapeHtml(button.text)}</button></form>`,
    )
  }
  if (link) parts.push(`<p><a href="${escapeHtml(link.href)}">${escapeHtml(link.text)}</a></p>`)
  if (small) parts.push(`<p><small>${escapeHtml(small)}</small></p>`)
  const meta = refresh === undefined ? '' : `<meta http-equiv="refresh" content="0;url=${escapeHtml(refresh)}">`
  return (
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${meta}` +
    `<title>${escapeHtml(title)}</title><style>${style}</style></head>` +
    `<body><main><h1>${escapeHtml(title)}</h1>${parts.join('')}</main></body></html>`
  )
}

export function sendPage(res: Response, page: Page): void {
  res.setHeader('Content-Type', 'text/html; charset=utf-8')
  res.setHeader('Cache-Control', 'no-store')
  res.setHeader('X-Content-Type-Options', 'nosniff')
  // An application that has set these, by helmet say, means all of its pages.
  if (!res.hasHeader('Content-Security-Policy')) res.setHeader('Content-Security-Policy', pagePolicy)
  if (!res.hasHeader('X-Frame-Options')) res.setHeader('X-Frame-Options', 'DENY')
  // With no referrer at all, browsers that send no Sec-Fetch-Site send the button's form with the origin `null`.
  res.setHeader('Referrer-Policy', 'same-origin')
  res.end(renderPage(page))
}

/** Escapes text for HTML, element content and quoted attributes alike. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
