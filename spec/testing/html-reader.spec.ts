import { describe, expect, it } from 'vitest'
import { escapeHtml, hiddenField, htmlPage } from '../../lib/testing/html.ts'
import { readForms, readLinks, readRefresh, submitsItself } from '../../lib/testing/html-reader.ts'

describe('readForms()', () => {
  it('reads the fields and buttons that a browser would submit', () => {
    const [form] = readForms(`
      <!-- <form action="/comment"><input name="no"></form> -->
      <script>document.write('<form action="/script">')</script>
      <FORM id=one name='two' METHOD=Post action="/go?a=1&amp;b=2">
        <input name=text value='a "quoted" &#60;b&#x3E; &copy; &#99999999;'>
        <input type="hidden" name="hidden" value="1"><input name="empty" required>
        <input type=checkbox name=off><input type=checkbox name=on checked><input type=radio name=r value=1>
        <input type=radio name=r value=2 checked><input type=file name=file><input type=reset name=reset>
        <input name=gone value=x disabled><input value=nameless>
        <textarea name=area>
line &amp; line</textarea>
        <select name=chosen><option>A<option value=b selected>B</select>
        <select name=first><option value="">None</option><option>Some</option></select><select name=none></select>
        <button name=go value=1>Go <b>now</b></button><button type=button name=no>No</button>
        <input type=submit value=Send formaction=/other><input type=image name=img disabled>
      </FORM><input name=after>`)
    expect(form).toEqual({
      id: 'one',
      name: 'two',
      action: '/go?a=1&b=2',
      method: 'post',
      fields: [
        ['text', 'a "quoted" <b> &copy; &#99999999;'],
        ['hidden', '1'],
        ['empty', ''],
        ['on', 'on'],
        ['r', '2'],
        ['area', 'line & line'],
        ['chosen', 'b'],
        ['first', ''],
      ],
      buttons: [
        { name: 'go', value: '1', label: 'Go now', action: undefined },
        { name: undefined, value: 'Send', label: 'Send', action: '/other' },
      ],
    })
  })

  it('reads forms that are not closed or have no action', () => {
    expect(readForms('<form><input name=a><select name=s><option>x y')).toEqual([
      {
        id: undefined,
        name: undefined,
        action: '',
        method: 'get',
        fields: [
          ['a', ''],
          ['s', 'x y'],
        ],
        buttons: [],
      },
    ])
    expect(readForms('<p>none</p>')).toEqual([])
  })
})

describe('the other readers of a page', () => {
  it('readLinks() and readRefresh() find links and immediate refreshes', () => {
    expect(readLinks('<a href="/x?a&amp;b"> Log <em>in</em></a><a name=x>no</a>')).toEqual([
      { href: '/x?a&b', text: 'Log in' },
    ])
    expect(readRefresh('<meta charset=utf-8><meta http-equiv="Refresh" content="0; URL=\'/next?a=1&amp;b=2\'">')).toBe(
      '/next?a=1&b=2',
    )
    expect(readRefresh('<meta http-equiv=refresh content="0;url=/next">')).toBe('/next')
    expect(readRefresh('<meta http-equiv=refresh content="5;url=/next">')).toBeUndefined()
    expect(readRefresh('<meta http-equiv=refresh>')).toBeUndefined()
    expect(readRefresh('<meta name=x>')).toBeUndefined()
  })

  it('submitsItself() recognizes pages whose script submits a form', () => {
    expect(submitsItself('<form></form><script>document.forms[0].submit()</script>')).toBe(true)
    expect(submitsItself('<body onload="document.forms.x.submit()"><form name=x></form>')).toBe(true)
    expect(submitsItself('<form></form>')).toBe(false)
    expect(submitsItself('document.forms[0].submit()')).toBe(false)
  })
})

it('pages escape the text that they show', () => {
  expect(escapeHtml(`<a href="x" title='y'>&</a>`)).toBe(
    '&#60;a href=&#34;x&#34; title=&#39;y&#39;&#62;&#38;&#60;/a&#62;',
  )
  expect(htmlPage('<b>', '<p>')).toContain('<h1>&#60;b&#62;</h1>\n<p>')
  expect(hiddenField('"', '>')).toBe('<input type="hidden" name="&#34;" value="&#62;">')
})
