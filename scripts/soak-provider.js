/** The provider of the soak run, in its own process. */
import { startTestProvider } from 'express-session-oidc/testing'

const users = Array.from({ length: Number(process.argv[2]) }, (_, index) => ({
  sub: `user-${index}`,
  claims: { name: `User ${index}`, preferred_username: `user-${index}`, email: `user-${index}@example.com` },
}))
const provider = await startTestProvider({
  users,
  signIn: 'user-0',
  // Signs faster than RS256: the run tests the application, not the provider.
  algorithm: 'ES256',
  accessTokenSeconds: 10,
  keepRequests: 0,
})
process.on('disconnect', () => process.exit())
process.on('message', () => {
  globalThis.gc?.()
  const { rss, heapUsed } = process.memoryUsage()
  process.send?.({ rss, heapUsed, faults: [] })
})
process.send?.(provider.settings())
