import { escapeInvisible } from './escape-invisible.ts'
import { replaceEvery } from './replace-every.ts'

/** Masks `secrets` in a text, plain and encoded. Call it before the text is cut, because a truncated secret is not found. */
export function maskSecrets(text: string, secrets: readonly (string | undefined)[]): string {
  let masked = text
  for (const secret of secrets) {
    if (secret === undefined || secret.length < 4) continue
    const urlEncoded = encodeURIComponent(secret)
    const formEncoded = new URLSearchParams([['', secret]]).toString().slice(1)
    const json = JSON.stringify(secret).slice(1, -1)
    for (const form of new Set([secret, urlEncoded, formEncoded, json])) masked = replaceEvery(masked, form, '[secret]')
  }
  return masked
}

/** Returns the name, code and message of a thrown value on one line, with `secrets` masked. */
export function describe(error: unknown, secrets: readonly (string | undefined)[] = []): string {
  if (!(error instanceof Error))
    return typeof error === 'string' ? maskSecrets(error, secrets).slice(0, 500) : `a thrown ${typeof error}`
  const code = (error as { code?: unknown }).code
  const { name, message: text }: Loose = error
  const message = maskSecrets(String(text), secrets).replace(/\s+/g, ' ').slice(0, 500)
  return `${maskSecrets(String(name), secrets)}${typeof code === 'string' ? ` (${code})` : ''}${message ? `: ${message}` : ''}`
}

/** Maximum length of a stack in the log, with the stacks of its causes. */
const longestStack = 4000
const mostCauses = 3

/** The members of an error, which an application can set to anything. */
type Loose = { readonly name: unknown; readonly message: unknown; readonly stack?: unknown; readonly cause?: unknown }

/** Copies name, message and stack of a thrown error and its causes, with `secrets` masked and other members left out. */
export function copyError(error: unknown, secrets: readonly (string | undefined)[] = []): Error | undefined {
  if (!(error instanceof Error)) return undefined
  const { name, message }: Loose = error
  const stacks: string[] = []
  let current: unknown = error
  while (current instanceof Error && stacks.length <= mostCauses) {
    const { name, stack, cause }: Loose = current
    stacks.push(typeof stack === 'string' ? stack : String(name))
    current = cause
  }
  const copy = new Error(escapeInvisible(maskSecrets(String(message), secrets).slice(0, 500)))
  copy.name = escapeInvisible(maskSecrets(String(name), secrets).slice(0, 100))
  const stack = maskSecrets(stacks.join('\ncaused by: '), secrets).slice(0, longestStack)
  copy.stack = stack.split('\n').map(escapeInvisible).join('\n')
  return copy
}
