import { createHash } from 'node:crypto'

/**
 * Names an instance by its provider, its client and its name: a hash that is the same in every process of the
 * application. Applications that share a store, a secret and a name have different owners if their providers differ.
 *
 * `issuer` is the configured one. Metadata do not count: they can change without the application knowing.
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

/** Characters of base64url: 132 bits, so that no two owners ever have the same. */
const ownerLength = 22
