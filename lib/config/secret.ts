import { isLoopback } from '../core/urls.ts'
import { unsetVariable, type Checks } from './checks.ts'

const shortestSecret = 32

/** Secrets in the documentation of this package, which are public. */
const sampleSecrets: readonly unknown[] = ['replace this by 32 random characters']

/**
 * Returns the secrets: the first encrypts, all decrypt. Unless `baseUrl` is on loopback, `secret` is required and must not
 * be guessable.
 */
export function resolveSecrets(
  checks: Checks,
  base: URL | undefined,
  clientSecret: string | undefined,
): readonly string[] {
  const given = checks.value('secret')
  const isPublic = base !== undefined && !isLoopback(base.hostname)
  if (given === undefined) {
    if (checks.refuseUndefined('secret', unsetVariable)) return []
    if (clientSecret === undefined) {
      if (checks.value('clientAuth') === 'none') checks.fault('`secret` is missing; pass 32 random characters or more')
    } else if (isPublic) {
      checks.fault(
        '`secret` is missing; pass 32 random characters or more (only on loopback is it derived from `clientSecret`)',
      )
    }
    return [`derived from the client secret: ${clientSecret ?? ''}`]
  }
  const list: unknown[] = Array.isArray(given) ? [...given] : [given]
  if (list.length === 0) checks.fault('`secret` is an empty list; pass 32 random characters or more')
  for (const secret of list) {
    if (typeof secret !== 'string' || secret.length < shortestSecret) {
      checks.fault(
        `\`secret\` must be a string of at least ${shortestSecret} random characters, or a list of such strings`,
      )
      break
    }
    const problem = isPublic ? findGuessableFault(secret) : undefined
    if (problem === undefined) continue
    checks.fault(
      `\`secret\` ${problem}; pass ${shortestSecret} random characters or more, such as the output of \`openssl rand -base64 32\``,
    )
    break
  }
  return list as string[]
}

/** Returns why a secret of sufficient length is easy to guess; undefined if no reason is known. */
function findGuessableFault(secret: string): string | undefined {
  const text = secret.trim()
  if (text === '') return 'has only white space'
  if (sampleSecrets.includes(text)) return 'is the sample from the documentation, which is public'
  return new Set(text).size === 1 ? 'is one repeated character' : undefined
}
