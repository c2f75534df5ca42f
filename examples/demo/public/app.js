// @ts-nocheck: runs in the browser, whose types are not part of this program.
const button = document.querySelector('#fetch-time')
const answer = document.querySelector('#answer')

button?.addEventListener('click', async () => {
  button.setAttribute('aria-disabled', 'true')
  try {
    // Without `Accept: text/html`, the guard answers this request with 401 instead of a redirect to the provider.
    const response = await fetch(button.dataset.url, { headers: { accept: 'application/json' } })
    show(response, await response.text())
  } catch {
    answer.textContent = 'No answer. Is the server still running?'
  }
  button.removeAttribute('aria-disabled')
})

function show(response, body) {
  const type = response.headers.get('content-type') ?? ''
  const status = element('p', 'answer-status')
  status.append(
    element('strong', `chip ${response.ok ? 'good' : 'bad'}`, `${response.status} ${response.statusText}`),
    element('span', 'muted', type.split(';')[0]),
  )
  answer.replaceChildren(status, element('pre', '', type.includes('json') ? indented(body) : body))
}

function indented(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2)
  } catch {
    return json
  }
}

function element(name, className, text = '') {
  const made = document.createElement(name)
  made.className = className
  made.textContent = text
  return made
}
