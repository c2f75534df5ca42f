import { html } from './html.js'

/** @type {Record<string, string>} */
const meanings = {
  sub: 'subject: who you are at this provider',
  name: 'your full name',
  given_name: 'your given name',
  family_name: 'your family name',
  preferred_username: 'the user name that you prefer',
  email: 'your e-mail address',
  email_verified: 'whether the provider verified it',
  roles: 'the roles that the provider gives you',
  iss: 'issuer: the provider that issued the ID token',
  aud: 'audience: the client it was issued for',
  azp: 'authorized party: the client that requested it',
  exp: 'expires',
  iat: 'issued at',
  nbf: 'not before',
  auth_time: 'when you authenticated at the provider',
  nonce: 'binds it to the login that was started here',
  acr: 'how strongly you proved who you are',
  amr: 'how you proved who you are',
  sid: 'your session at the provider',
  at_hash: 'binds it to the access token',
  jti: 'the identifier of this token',
}

const times = new Set(['exp', 'iat', 'nbf', 'auth_time', 'updated_at'])

/**
 * @param {Readonly<Record<string, unknown>>} claims
 * @param {string} id of its title
 */
export function claimsTable(claims, id) {
  const order = Object.keys(meanings)
  const place = (/** @type {string} */ name) => (order.includes(name) ? order.indexOf(name) : order.length)
  const rows = Object.entries(claims).toSorted(([a], [b]) => place(a) - place(b))

  // ARIA roles are explicit because on phones the style sheet displays cells as blocks, which removes their implicit roles.
  return html`<table id="claims" role="table">
    <caption>
      <h2 id="${id}">What the provider said about you</h2>
      <span class="muted">The claims about you in your ID token, whose signature the application has verified.</span>
    </caption>
    <tbody role="rowgroup">
      ${rows.map(
        ([name, value]) =>
          html`<tr role="row">
            <th scope="row" role="rowheader">
              <code>${name}</code>${meanings[name] && html`<small>${meanings[name]}</small>`}
            </th>
            <td role="cell">${readable(name, value)}</td>
          </tr> `,
      )}
    </tbody>
  </table>`
}

/**
 * @param {string} name
 * @param {unknown} value
 */
function readable(name, value) {
  // JavaScript dates end at 8.64e12 seconds, and a provider may send any number.
  if (times.has(name) && typeof value === 'number' && Math.abs(value) <= 8.64e12) {
    const iso = new Date(value * 1000).toISOString()
    return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')} UTC</time><small>${value}</small>`
  }
  if (typeof value === 'string') return value
  if (Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string'))
    return value.join(', ')
  return html`<code>${JSON.stringify(value)}</code>`
}
