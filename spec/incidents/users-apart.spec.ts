/** Many concurrent users. Each has their own login, tokens and data, even if others are served at the same moment. */
import type { UserAgent } from 'express-session-oidc/testing'
import { describe, expect, it } from 'vitest'
import { decodeJwt } from 'jose'
import { flow, response } from '../support/flow.ts'

declare module 'express-session' {
  interface SessionData {
    desk?: string
  }
}

const names = Array.from({ length: 12 }, (_, n) => `user-${n}`)
const world = flow({
  users: [{ sub: 'alice' }, ...names.map((sub) => ({ sub, claims: { name: `Name of ${sub}`, roles: [sub] } }))],
})
interface Seen {
  sub: string
  name: string
  roles: string[]
  desk: string
  idToken: string
  accessToken: string
}

async function begun(app: { agent(): UserAgent }): Promise<{ sub: string; agent: UserAgent; callback: string }[]> {
  const logins = []
  for (const sub of names) {
    world.provider.signIn(sub)
    const agent = app.agent()
    logins.push({ sub, agent, callback: await response(agent, '/seen') })
  }
  return logins
}

describe('a dozen logins that finish at the same moment', () => {
  it(
    'concurrent logins each keep their own user, tokens and data under concurrent requests',
    { meta: { id: 'users-apart-1' } },
    async () => {
      const app = await world.start({
        options: {
          userInfo: true,
          // A slow hook, whose order differs from that in which the logins began.
          afterLogin: async (req, { user }) => {
            await new Promise((resolve) => setTimeout(resolve, 10 - (Number(user.sub.slice(5)) % 5) * 2))
            req.session.desk = `desk of ${user.sub}`
          },
        },
        routes: (express, oidc) => {
          express.get('/seen', oidc.requireAuth(), (req, res, next) => {
            req.oidc.tokens().then(({ idToken, accessToken }) => {
              const { sub, name } = oidc.user(req)
              res.json({ sub, name, roles: req.oidc.roles, desk: req.session.desk, idToken, accessToken })
            }, next)
          })
        },
      })
      const logins = await begun(app)
      const undo = world.provider.misbehave({ endpoints: { token: { hang: true } } })
      world.provider.forget()
      const finishing = logins.map(({ agent, callback }) => agent.get(callback))
      await world.provider.waitForRequest('token', names.length)
      undo()
      await Promise.all(finishing)

      const rounds = Array.from({ length: 5 }, () => logins).flat()
      const pages = await Promise.all(rounds.map(async ({ sub, agent }) => ({ sub, page: await agent.fetch('/seen') })))
      for (const { sub, page } of pages) {
        const seen = page.json() as unknown as Seen
        expect(seen).toMatchObject({ sub, name: `Name of ${sub}`, roles: [sub], desk: `desk of ${sub}` })
        expect([decodeJwt(seen.idToken).sub, decodeJwt(seen.accessToken).sub]).toEqual([sub, sub])
      }
      // Each has its own session and tokens.
      expect(new Set(pages.map(({ page }) => (page.json() as unknown as Seen).accessToken)).size).toBe(names.length)
    },
  )

  it(
    'failed logins and logouts leave the other concurrent logins unchanged',
    { meta: { id: 'users-apart-2' } },
    async () => {
      const app = await world.start({
        routes: (express, oidc) => {
          express.get('/seen', oidc.requireAuth(), (req, res) => void res.json({ sub: oidc.user(req).sub }))
        },
      })
      const logins = await begun(app)
      let n = 0
      world.provider.misbehave({
        idToken: { claims: (claims) => ({ ...claims, ...(n++ % 3 === 0 ? { nonce: 'x' } : {}) }) },
      })
      const pages = await Promise.all(logins.map(({ agent, callback }) => agent.get(callback)))
      world.provider.behave()
      const inside = logins.filter((_login, index) => pages[index]?.status === 200)
      expect(inside).toHaveLength(8)
      await Promise.all(
        inside.map(({ agent }, index) => (index % 2 === 0 ? agent.get('/logout') : agent.fetch('/seen'))),
      )
      for (const { sub, agent } of logins) {
        const answer = await agent.fetch('/seen')
        const index = inside.findIndex((login) => login.sub === sub)
        if (index < 0 || index % 2 === 0) expect(answer.status).toBe(401)
        else expect(answer.json()).toEqual({ sub })
      }
    },
  )
})
