/** A Keycloak for one file alone, which can be stopped and started again. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { startKeycloak } from '../../scripts/keycloak.js'

export interface OwnKeycloak {
  readonly url: string
  /** Stops the server. */
  stop(): Promise<void>
  /** Starts it again at the same address, with the same data. */
  start(): Promise<void>
}

/** Undefined, with a notice, if the tests use the Keycloak of KEYCLOAK_URL. Use top-level await. */
export async function ownKeycloak(what: string): Promise<OwnKeycloak | undefined> {
  if (process.env['KEYCLOAK_URL']) {
    console.warn(`notice: skipped because the Keycloak of KEYCLOAK_URL cannot be restarted: ${what}`)
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
