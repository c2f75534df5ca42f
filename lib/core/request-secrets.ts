import type { IncomingMessage } from 'node:http'

/** Headers that contain credentials. */
const credentialHeaders = ['authorization', 'dpop', 'cookie'] as const
/** Parameters of an address that contain credentials or secrets. */
const secretParameters = /^(?:code|state|.*token|.*secret)$/i

/**
 * Lists the secrets that a request presents: tokens, proofs, values of cookies, and the code and `state` of its address. A
 * function of the application gets the request, so the error that it throws may quote them.
 */
export function listRequestSecrets(req: Pick<IncomingMessage, 'headers' | 'url'> | undefined): string[] {
  if (!req) return []
  const headers = credentialHeaders.flatMap((name) => [req.headers?.[name] ?? []].flat())
  // The whole header first: masking a part would leave the rest of it unknown.
  const parts = headers.flatMap((header) => [
    header,
    ...header.split(/[;,\s]+/).map((part) => part.replace(/^[^=]*=/, '')),
  ])
  const [, query = ''] = (req.url ?? '').split('?', 2)
  const parameters = [...new URLSearchParams(query)].flatMap(([name, value]) =>
    secretParameters.test(name) ? [value] : [],
  )
  // Shorter words, such as the scheme of a header, are no secrets.
  return [...parts, ...parameters].filter((part) => part.length >= shortestSecret)
}

const shortestSecret = 12
