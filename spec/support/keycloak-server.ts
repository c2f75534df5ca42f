/** The real Keycloak for tests: one server for the whole run, with the project's realms `acme` and `partners`. */
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'
import { startKeycloak } from '../../scripts/keycloak.js'

declare module 'vitest' {
  interface ProvidedContext {
    keycloakUrl: string
  }
}

const realms = ['../../examples/keycloak/acme-realm.json', '../keycloak/partners-realm.json']

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const keycloak = await startKeycloak({
    realms: realms.map((path) => fileURLToPath(new URL(path, import.meta.url))),
    onProgress: (line) => console.info(`keycloak: ${line}`),
  })
  project.provide('keycloakUrl', keycloak.url)
  let over = false
  void keycloak.ended.then((reason) => {
    if (!over) console.error(reason)
  })
  return async () => {
    over = true
    await keycloak.stop()
  }
}
