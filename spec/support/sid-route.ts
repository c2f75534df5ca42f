import type { Express, NextFunction, Request, Response } from 'express'
import { getContext } from './app.ts'

/** `/sid` shows the `sid` of a login, which identifies its session at the provider. */
export function sidRoute(app: Express): void {
  app.get('/sid', (req: Request, res: Response, next: NextFunction) => {
    getContext(req)
      .tokens()
      .then(({ idToken }) => {
        const claims = Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString()
        res.json((JSON.parse(claims) as { sid: string }).sid)
      }, next)
  })
}
