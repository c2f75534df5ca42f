import { createHash } from 'node:crypto'

/**
 * Returns the identity of an instance: a hash of its issuer, client id and name, the same in every process. `issuer` is
 * the configured one, because the one in the metadata can change without the application knowing.
 */
export function deriveOwner({ issuer, clientId, name }: OwnerParts): string {
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

/** 22 characters of base64url are 132 bits, so collisions are negligible. */
const ownerLength = 22
