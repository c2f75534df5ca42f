import { createHash } from 'node:crypto'

/**
 * Identifies an instance: a hash of its issuer, client id and name, the same in every process of an application.
 *
 * `issuer` is the configured one, not what the metadata say: they can change without the application knowing.
 */
export function ownerOf({ issuer, clientId, name }: OwnerParts): string {
  return createHash('sha256')
    .update(JSON.stringify([issuer, clientId, name]))
    .digest('base64url')
    .slice(0, ownerLength)
}

export interface OwnerParts {
  readonly issuer: string
  readonly clientId: string
  readonly name: string
}

/** Characters of base64url, 132 bits: collisions are negligible. */
const ownerLength = 22
