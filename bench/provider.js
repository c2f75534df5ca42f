/** A process that runs the test provider of the package, with tokens of the usual sizes. */
import { randomBytes } from 'node:crypto'
import { startTestProvider } from 'express-session-oidc/testing'
import { user } from './user.js'

const provider = await startTestProvider({ users: [user], signIn: user.sub, keepRequests: 0, accessTokenSeconds: 3600 })
/** @type {Record<string, number>} */
let sizes = {}
provider.misbehave({
  tokenResponse: (body) => {
    // As long as the refresh tokens of Keycloak, which are JWTs.
    const answer = { ...body, refresh_token: randomBytes(510).toString('base64url') }
    sizes = Object.fromEntries(
      ['id_token', 'access_token', 'refresh_token'].map((name) => [name, String(answer[name]).length]),
    )
    return answer
  },
})
process.on('disconnect', () => process.exit())
/** @type {Record<string, (about: { sub?: string, sid?: string }) => unknown>} */
const commands = {
  sizes: () => sizes,
  logoutToken: (about) => provider.logoutToken(about),
}
process.on('message', async ({ id, command, argument }) => {
  process.send?.({ id, answer: await commands[command]?.(argument) })
})
process.send?.(provider.settings())
