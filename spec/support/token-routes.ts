/** Routes that show the tokens of a login, and its state after they were read. */
import type { Express, NextFunction, Request, Response } from 'express'
import type { OidcAccessTokenParameters } from 'express-session-oidc'
import { getContext } from './app.ts'

/** The response of `/token`. */
export interface ShownToken {
  token: string
  scope: string[]
  roles: string[]
  name: string | null
  isAuthenticated: boolean
}

/** The parameters of `accessToken()` in a query; a repeated parameter is an array. */
function wantedBy(query: Request['query']): OidcAccessTokenParameters {
  const { minValidSeconds, ...others } = query
  const wanted = others as OidcAccessTokenParameters
  return minValidSeconds === undefined ? wanted : { ...wanted, minValidSeconds: Number(minValidSeconds) }
}

/** `/token` shows the access token and then the state of the login; its query has the parameters of `accessToken()`. */
export function tokenRoutes(app: Express): void {
  const show = async (req: Request, res: Response): Promise<void> => {
    const token = await getContext(req).accessToken(wantedBy(req.query))
    const { scope, roles, isAuthenticated, user } = getContext(req)
    res.json({ token, scope, roles, name: user?.name ?? null, isAuthenticated })
  }
  app.get('/token', (req: Request, res: Response, next: NextFunction) => void show(req, res).catch(next))
  app.get('/tokens', (req: Request, res: Response, next: NextFunction) => {
    getContext(req)
      .tokens()
      .then((tokens) => res.json(tokens), next)
  })
}
