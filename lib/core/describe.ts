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
  const message = maskSecrets(error.message, secrets).replace(/\s+/g, ' ').slice(0, 500)
  return `${error.name}${typeof code === 'string' ? ` (${code})` : ''}${message ? `: ${message}` : ''}`
}
