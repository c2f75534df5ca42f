/** A Keycloak for one file alone, that goes away and comes back. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { startKeycloak } from '../../scripts/keycloak.js'

export interface OwnKeycloak {
  readonly url: string
  /** Ends it. */
  stop(): Promise<void>
  /** Starts it at the same address, with what it knew when it ended. */
  start(): Promise<void>
}

/** Undefined, with a notice, where the Keycloak that the specs use is not theirs: top-level await it. */
export async function ownKeycloak(what: string): Promise<OwnKeycloak | undefined> {
  if (process.env['KEYCLOAK_URL']) {
    console.warn(`notice: skipped, as the Keycloak of KEYCLOAK_URL cannot be restarted: ${what}`)
    return undefined
  }
  const data = await mkdtemp(join(tmpdir(), 'keycloak-data-'))
  let keycloak = await startKeycloak({ data })
  const { url } = keycloak
  afterAll(async () => {
    await keycloak.stop()
    await rm(data, { recursive: true, force: true })
  })
  return {
    url,
    stop: () => keycloak.stop(),
    async start() {
      keycloak = await startKeycloak({ data, port: Number(new URL(url).port) })
    },
  }
}
