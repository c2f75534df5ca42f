/** The provider of the soak run, a process of its own. */
import { startTestProvider } from 'express-session-oidc/testing'

const users = Array.from({ length: Number(process.argv[2]) }, (_, index) => ({
  sub: `user-${index}`,
  claims: { name: `User ${index}`, preferred_username: `user-${index}`, email: `user-${index}@example.com` },
}))
const provider = await startTestProvider({
  users,
  signIn: 'user-0',
  // Quicker to sign with than RS256: the run is about the application.
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
