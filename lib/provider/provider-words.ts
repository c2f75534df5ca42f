import { maskSecrets } from '../core/describe.ts'
import { parseJson } from '../core/json.ts'

/** Maximum length of an error response that is read, in characters. */
const longestBody = 65_536

/** The provider's own description of a failure (RFC 6749, section 5.2). */
export interface ProviderWords {
  readonly error: string
  readonly description: string | undefined
}

/** Returns an error and its causes, outermost first. */
export function listCauses(error: unknown): unknown[] {
  const causes: unknown[] = []
  for (let current = error; causes.length < 5 && current !== null && typeof current === 'object';) {
    causes.push(current)
    current = (current as { cause?: unknown }).cause
  }
  return causes
}

/**
 * Returns what the provider said about a failed request. openid-client reads only the error responses of RFC 6749. It ignores
 * the body of a 401 with a challenge, and an `error` in a 200, as Slack and GitHub send it.
 */
export async function readProviderWords(error: unknown): Promise<ProviderWords | undefined> {
  const causes = listCauses(error)
  for (const cause of causes) {
    const { body } = cause as { body?: unknown }
    const words = readMembers(cause) ?? (cause instanceof Response ? undefined : readMembers(body))
    if (words) return words
  }
  for (const cause of causes) {
    const response = cause instanceof Response ? cause : (cause as { response?: unknown }).response
    const words = response instanceof Response ? await readBody(response) : undefined
    if (words) return words
  }
  return causes.map(readChallenges).find((words) => words !== undefined)
}

/** Formats the words of the provider for the log, with `secrets` masked. */
export function formatWords({ error, description }: ProviderWords, secrets: readonly (string | undefined)[]): string {
  const quote = (text: string, longest: number): string => JSON.stringify(maskSecrets(text, secrets).slice(0, longest))
  return description === undefined ? quote(error, 100) : `${quote(error, 100)} ${quote(description, 300)}`
}

function readMembers(value: unknown): ProviderWords | undefined {
  const { error, error_description: description } = Object(value) as Record<string, unknown>
  if (typeof error !== 'string' || error === '') return undefined
  return { error, description: typeof description === 'string' && description !== '' ? description : undefined }
}

/** Returns the words in the body of a response; undefined if openid-client has consumed it. */
async function readBody(response: Response): Promise<ProviderWords | undefined> {
  if (response.bodyUsed) return undefined
  const text = await response.clone().text()
  return text.length > longestBody ? undefined : readMembers(parseJson(text))
}

/** Returns the words in the challenges of a response (RFC 6750, section 3). */
function readChallenges(value: unknown): ProviderWords | undefined {
  const challenges: unknown[] = Array.isArray(value) ? value : []
  const words = challenges.map((challenge) => readMembers((challenge as { parameters?: unknown } | null)?.parameters))
  return words.find((each) => each !== undefined)
}
