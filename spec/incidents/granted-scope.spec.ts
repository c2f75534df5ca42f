/** The scope of a login is what was granted (RFC 6749 5.1), not what was requested. */
import { expect, it } from 'vitest'
import { flow } from '../support/flow.ts'

const world = flow()

it.each<[string, unknown, string[]]>([
  ['less than was requested', 'openid', ['openid']],
  ['nothing', '', []],
  ['only white space', '   ', []],
  ['a scope that was not requested', 'openid admin', ['openid', 'admin']],
  ['a scope with invalid characters', 'openid "admin"', []],
  ['the requested scope by omitting it', undefined, ['openid', 'profile', 'email']],
])(
  'guards use the granted scope if the provider grants %s',
  { meta: { id: 'granted-scope-1' } },
  async (_name, scope, granted) => {
    const app = await world.start({
      routes: (express, oidc) => {
        for (const word of ['openid', 'profile', 'admin']) {
          express.get(`/of-${word}`, oidc.requireAuth({ scope: word }), (_req, res) => void res.send('inside'))
        }
      },
    })
    world.provider.misbehave({ tokenResponse: { scope } })
    const agent = app.agent()
    expect((await agent.get('/profile')).json()['scope']).toEqual(granted)
    for (const word of ['openid', 'profile', 'admin']) {
      expect((await agent.fetch(`/of-${word}`)).status).toBe(granted.includes(word) ? 200 : 403)
    }
  },
)
