import { createHash } from 'node:crypto'
import type { Response } from 'express'

/** The content of a page of this package. */
export interface Page {
  readonly title: string
  readonly paragraphs: readonly string[]
  /** Small print, for support staff. */
  readonly small?: string | undefined
  readonly link?: { readonly href: string; readonly text: string } | undefined
  /** A form with one button. */
  readonly button?: { readonly action: string; readonly text: string } | undefined
  /** Address that the page forwards to immediately. */
  readonly refresh?: string | undefined
}

// Inline, so that no other route is needed. Helmet's default policy permits it, and the page is readable without it.
const style =
  ':root{color-scheme:light dark}body{font:1.0625rem/1.5 system-ui,sans-serif;margin:0;padding:2rem 1rem}' +
  'main{max-width:34rem;margin:10vh auto 0}h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}small{opacity:.75;overflow-wrap:anywhere}' +
  'a,button{display:inline-block;font:inherit;padding:.6rem 1.1rem;border:1px solid;border-radius:.5rem;background:none;color:inherit;text-decoration:none;cursor:pointer}' +
  'a:focus-visible,button:focus-visible{outline:3px solid Highlight;outline-offset:2px}'

/** The Content Security Policy (Level 3) of the pages: their style, a form to this origin, and nothing else. */
export const pagePolicy: string =
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; ` +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** Renders a page as HTML without scripts. All texts are escaped. */
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
  // If the application has set these headers, for example with helmet, they are meant for all of its pages.
  if (!res.hasHeader('Content-Security-Policy')) res.setHeader('Content-Security-Policy', pagePolicy)
  if (!res.hasHeader('X-Frame-Options')) res.setHeader('X-Frame-Options', 'DENY')
  // With `no-referrer`, browsers without Sec-Fetch-Site would send the button's form with the origin `null`.
  res.setHeader('Referrer-Policy', 'same-origin')
  res.end(renderPage(page))
}

/** Escapes text for HTML element content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
