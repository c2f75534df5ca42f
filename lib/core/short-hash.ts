import { createHash } from 'node:crypto'

/** Number of characters: 66 bits suffice to recognize a random value, and nobody can search for it in the hash. */
const length = 11

/** Returns a short hash of a random value, which recognizes the value without revealing it. */
export function hashShort(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, length)
}
