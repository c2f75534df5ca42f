/**
 * The parameters of the Bearer challenge in a `WWW-Authenticate` header (RFC 9110 11.6.1, RFC 6750 3).
 *
 * @param {string | null} header
 * @returns {Record<string, string>} empty if there is no such challenge
 */
export function bearerChallenge(header) {
  /** @type {Record<string, string>} */
  const parameters = {}
  const start = /(?:^|,)\s*Bearer(?=\s|$)/i.exec(header ?? '')
  if (!header || !start) return parameters
  const parameter = /\s*,?\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/y
  parameter.lastIndex = start.index + start[0].length
  for (let found = parameter.exec(header); found; found = parameter.exec(header)) {
    const [, name = '', quoted, token = ''] = found
    parameters[name.toLowerCase()] = quoted === undefined ? token : quoted.replace(/\\(.)/g, '$1')
  }
  return parameters
}
