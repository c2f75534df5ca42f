/** Parses the query of a request, in the same way with Express 4 and 5. */
export function parseQuery(url: string): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
}
