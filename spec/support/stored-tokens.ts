/** The stored tokens of a login, in Redis. */
import type { UserAgent } from 'express-session-oidc/testing'
import { openTokens, sealTokens, type StoredTokens } from '../../lib/store/tokens.ts'
import type { TestApp } from './app.ts'
import { listEvents } from './flow.ts'
import type { redisForFile } from './redis.ts'
import { sessionId } from './session-cookie.ts'

/** Reads the stored tokens of the application's latest login, which is of this browser; `change` replaces them. */
export async function keptTokens(
  { client }: ReturnType<typeof redisForFile>,
  agent: UserAgent,
  app: TestApp,
  change: (tokens: StoredTokens) => StoredTokens = (tokens) => tokens,
): Promise<StoredTokens> {
  const loginId = String(listEvents(app, 'login').at(-1)?.['loginId'])
  const key = `oidc:{sess:${sessionId(agent)}}:tokens:default`
  const sealer = app.seals.tokens
  const tokens = openTokens(sealer, (await client.get(key)) ?? '', loginId)
  if (!tokens) throw new Error('the tokens of the latest login are missing')
  await client.set(key, sealTokens(sealer, change(tokens), loginId))
  return tokens
}
