import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { escapeHtml, renderPage } from '../../../lib/http/response/html-page.ts'

const hostile = `</p><script>alert('1')</script>"onload="x" & <img src=x onerror=alert(1)>`

describe('renderPage()', () => {
  const html = renderPage({
    title: hostile,
    paragraphs: [hostile, 'second'],
    small: hostile,
    link: { href: `/login?returnTo=${hostile}`, text: hostile },
    button: { action: hostile, text: hostile },
    refresh: `https://id.example.com/${hostile}`,
  })

  it('escapes all given texts, in elements and in attributes', { meta: { id: 'pages-2' } }, () => {
    const tags = new Set([...html.matchAll(/<\/?([a-z0-9]+)/g)].map(([, name]) => name))
    const own = ['html', 'head', 'meta', 'title', 'style', 'body', 'main', 'h1', 'p', 'form', 'button', 'a', 'small']
    expect(tags).toEqual(new Set(own))
    expect(html).not.toContain(hostile)
    expect(html).not.toMatch(/<script|<img|"onload/)
    expect(html.match(/&#60;script&#62;alert\(&#39;1&#39;\)/g)).toHaveLength(9)
  })

  it('renders no script, loads nothing and declares its language', { meta: { id: 'pages-3' } }, () => {
    const texts = { title: 'x', paragraphs: ['x'], small: 'x', refresh: '/x' }
    const plain = renderPage({ ...texts, link: { href: '/x', text: 'x' }, button: { action: '/x', text: 'x' } })
    expect(plain).not.toMatch(/<script|javascript:|\ssrc=|<link|@import|url\(|\son[a-z]+=/i)
    expect(html).toMatch(/^<!doctype html><html lang="en">/)
    expect(html).toContain('<meta name="viewport" content="width=device-width">')
  })

  it('renders only the given parts', () => {
    const plain = renderPage({ title: 'Title', paragraphs: [] })
    expect(plain).not.toMatch(/<form|<a |<small|http-equiv|<p>/)
    expect(plain).toContain('<title>Title</title>')
    expect(plain).toContain('<h1>Title</h1>')
  })

  it('renders a form with POST and an immediate refresh', () => {
    expect(html).toContain('<form method="post" action="')
    expect(html).toContain('<meta http-equiv="refresh" content="0;url=https://id.example.com/')
  })
})

describe('escapeHtml()', () => {
  it('returns text that cannot become markup', () => {
    expect(escapeHtml(`<b a="1" c='2'>&amp;`)).toBe('&#60;b a=&#34;1&#34; c=&#39;2&#39;&#62;&#38;amp;')
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !/[<>"']/.test(escapeHtml(text))))
  })
})
