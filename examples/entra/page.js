const links = {
  '/': 'Home',
  '/profile': 'Profile',
  '/admin': 'For admins',
  '/login': 'Log in',
  '/logout': 'Log out',
}

/**
 * A page of facts, with links to all other pages.
 *
 * @param {string} title
 * @param {Record<string, unknown>} facts
 * @returns {string}
 */
export function page(title, facts) {
  const items = Object.entries(links).map(([path, text]) => `<li><a href="${path}">${text}</a></li>`)
  const rows = Object.entries(facts).map(([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value ?? '-')}</dd>`)
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escape(title)}</title>
    <style>
      body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
      dt { font-weight: bold; }
      dd { margin: 0 0 0.5rem; }
    </style>
  </head>
  <body>
    <h1>${escape(title)}</h1>
    <dl>${rows.join('')}</dl>
    <nav><ul>${items.join('')}</ul></nav>
  </body>
</html>
`
}

/** @param {unknown} value @returns {string} */
function escape(value) {
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
