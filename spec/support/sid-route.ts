import type { Express, NextFunction, Request, Response } from 'express'

/** `/sid` shows the session at the provider that a login is of. */
export function sidRoute(app: Express): void {
  app.get('/sid', (req: Request, res: Response, next: NextFunction) => {
    req.oidc.tokens().then(({ idToken }) => {
      const claims = Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString()
      res.json((JSON.parse(claims) as { sid: string }).sid)
    }, next)
  })
}
