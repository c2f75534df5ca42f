/**
 * @typedef {object} Settings
 * @property {number | undefined} port undefined: 3000, or a free port if 3000 is taken
 * @property {string | undefined} redisUrl
 * @property {{ issuer: string, clientId: string, clientSecret: string } | undefined} provider undefined: the one in this process
 */

const providerVariables = /** @type {const} */ (['OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET'])

/** A problem with the environment variables. The message contains the fix and is meant for the user. */
export class EnvironmentError extends Error {}

/**
 * @param {Record<string, string | undefined>} env
 * @returns {Settings}
 * @throws {EnvironmentError} that names every fault
 */
export function readEnvironment(env) {
  /** @type {string[]} */
  const faults = []
  const value = (/** @type {string} */ name) => env[name]?.trim() || undefined

  const port = value('PORT')
  if (port !== undefined && !(/^\d+$/.test(port) && Number(port) <= 65_535)) {
    faults.push(`PORT is '${port}': set a number from 1 to 65535, or 0 for any free port.`)
  }

  const redisUrl = value('REDIS_URL')
  if (redisUrl !== undefined && !hasProtocol(redisUrl, ['redis:', 'rediss:'])) {
    faults.push(`REDIS_URL is not the URL of a Redis server: set one such as redis://localhost:6379.`)
  }

  const [issuer, clientId, clientSecret] = providerVariables.map(value)
  const missing = providerVariables.filter((name) => value(name) === undefined)
  if (missing.length > 0 && missing.length < providerVariables.length) {
    const set = providerVariables.filter((name) => !missing.includes(name))
    faults.push(
      `${listed(set)} ${set.length === 1 ? 'is' : 'are'} set, but not ${listed(missing)}: ` +
        'set all three to log in at your own provider, or none to use the provider of this demo.',
    )
  }
  if (issuer !== undefined && !hasProtocol(issuer, ['https:', 'http:'])) {
    faults.push(
      `OIDC_ISSUER is '${issuer}': set the issuer exactly as in the metadata of the provider, ` +
        'such as https://id.example.com/realms/acme, with nothing after it.',
    )
  } else if (issuer?.includes('/.well-known/')) {
    faults.push(`OIDC_ISSUER is '${issuer}': remove /.well-known/ and what follows it.`)
  } else if (issuer !== undefined && !isPrivate(new URL(issuer))) {
    faults.push(`OIDC_ISSUER is '${issuer}': a provider that is not on this machine must use https.`)
  }

  if (faults.length > 0) throw new EnvironmentError(faults.join('\n'))
  return {
    port: port === undefined ? undefined : Number(port),
    redisUrl,
    provider:
      issuer !== undefined && clientId !== undefined && clientSecret !== undefined
        ? { issuer, clientId, clientSecret }
        : undefined,
  }
}

/**
 * @param {string} text
 * @param {string[]} protocols
 */
function hasProtocol(text, protocols) {
  return URL.canParse(text) && protocols.includes(new URL(text).protocol)
}

/** @param {URL} url */
function isPrivate({ protocol, hostname }) {
  return protocol === 'https:' || hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}

/** @param {readonly string[]} names */
function listed(names) {
  return names.join(' and ')
}
