/** Routes that show the tokens of a login, and what is known of it then. */
import type { Express, NextFunction, Request, Response } from 'express'
import type { AccessTokenParameters } from 'express-session-oidc'

/** What `/token` answers. */
export interface ShownToken {
  token: string
  scope: string[]
  roles: string[]
  name: string | null
  isAuthenticated: boolean
}

/** What a query asks for; a parameter that comes twice is an array. */
function wantedBy(query: Request['query']): AccessTokenParameters {
  const { minValidSeconds, ...others } = query
  const wanted = others as AccessTokenParameters
  return minValidSeconds === undefined ? wanted : { ...wanted, minValidSeconds: Number(minValidSeconds) }
}

/** `/token` shows the access token and what is known of the login then; its query is what is asked for. */
export function tokenRoutes(app: Express): void {
  const show = async (req: Request, res: Response): Promise<void> => {
    const token = await req.oidc.accessToken(wantedBy(req.query))
    const { scope, roles, isAuthenticated, user } = req.oidc
    res.json({ token, scope, roles, name: user?.name ?? null, isAuthenticated })
  }
  app.get('/token', (req: Request, res: Response, next: NextFunction) => void show(req, res).catch(next))
  app.get('/tokens', (req: Request, res: Response, next: NextFunction) => {
    req.oidc.tokens().then((tokens) => res.json(tokens), next)
  })
}
