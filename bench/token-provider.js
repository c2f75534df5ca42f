/** A process that runs the test provider with single-use refresh tokens. Commands configure the next login, and count. */
import { startTestProvider } from 'express-session-oidc/testing'
import { user } from './user.js'

const provider = await startTestProvider({
  users: [user],
  signIn: user.sub,
  accessTokenSeconds: 3600,
  refreshTokens: 'rotating',
  // As long as the refresh tokens of Keycloak.
  refreshTokenForm: 'jwt',
})
/** @type {Record<string, unknown>} */
let next = {}
provider.misbehave({
  tokenResponse: (body) => {
    const answer = { ...body, ...next }
    next = {}
    return answer
  },
})

/** @type {Record<string, () => unknown>} */
const commands = {
  nextEndsSoon: () => {
    next = { expires_in: 1 }
  },
  nextHasNoRefreshToken: () => {
    next = { refresh_token: undefined }
  },
  issueTokens: () => provider.issueTokens(user.sub),
  forget: () => provider.forget(),
  refreshes: () =>
    provider.requestsTo('token').filter(({ params }) => params.get('grant_type') === 'refresh_token').length,
}
process.on('disconnect', () => process.exit())
process.on('message', async ({ id, command }) => {
  process.send?.({ id, answer: await commands[command]?.() })
})
process.send?.(provider.settings())
