// @ts-nocheck: runs in the browser, whose types are not part of this program.
const part = (id) => document.getElementById(id)
let renewals = 0

/** @param {import('./page.js').Person | undefined} person */
export function showPerson(person) {
  part('title').textContent = person ? `Hello, ${person.name}` : 'You are not logged in'
  part('who').textContent = person?.name ?? ''
  part('log-in').hidden = person !== undefined
  part('log-out').hidden = person === undefined
  part('token').hidden = person === undefined
  part('scope').replaceChildren(...(person ? [chips(person.scope.split(' '))] : []))
  part('until').textContent = person ? new Date(person.expires * 1000).toLocaleTimeString() : ''
}

export function showRenewal(person) {
  renewals += 1
  part('renewals').textContent = String(renewals)
  showNotice('')
  showPerson(person)
}

export function showNotice(text) {
  part('notice').textContent = text
}

export function emptyAnswer() {
  part('answer').replaceChildren()
}

/**
 * @param {Awaited<ReturnType<import('./call-api.js').callApi>>} answer
 * @param {{ ask: (() => void) | false, asked: boolean }} options `ask` requests the missing scope from the provider
 */
export function showAnswer({ ok, status, statusText, body, challenge }, { ask, asked }) {
  const line = element('p', 'answer-status')
  line.append(element('strong', `chip ${ok ? 'good' : 'bad'}`, `${status} ${statusText}`))
  if (challenge.error) line.append(element('span', 'muted', challenge.error))
  const help = helpFor(status, challenge, asked)
  const parts = [line, ...(help ? [element('p', 'prose', help)] : []), element('pre', '', indented(body))]
  if (ask) {
    const button = element('button', 'button', `Request ${challenge.scope}`)
    button.type = 'button'
    button.addEventListener('click', ask)
    parts.splice(2, 0, button)
  }
  part('answer').replaceChildren(...parts)
}

/** Tells the user what to do about a rejected call. */
function helpFor(status, { error, scope }, asked) {
  if (error === 'insufficient_scope' && scope) {
    return asked ? `The scope ${scope} was requested, but not granted.` : `You have not granted this page ${scope} yet.`
  }
  if (error === 'insufficient_scope')
    return 'Your account is not allowed to do this. Logging in again would not change that.'
  if (error === 'insufficient_user_authentication') return 'Your login still does not meet the requirement of this API.'
  if (status === 401) return 'Log in first.'
  if (status === 503) return 'The API cannot verify tokens at the moment. Try again later.'
  return ''
}

function chips(words) {
  const list = element('ul', 'chips')
  list.append(...words.map((word) => element('li', 'chip', word)))
  return list
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
