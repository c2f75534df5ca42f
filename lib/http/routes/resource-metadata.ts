import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { sendJson } from '../response/problem.ts'

/** Where the API is reached. */
export interface Resource {
  readonly origin: string
  /** Without a slash at its end: `` or `/shop`. */
  readonly basePath: string
}

/** The path of the metadata: the well-known part stands before that of the resource (RFC 9728 3.1). */
export function metadataPath({ basePath }: Resource): string {
  return `/.well-known/oauth-protected-resource${basePath}`
}

/** The URL of the metadata; undefined where the router is mounted below them and cannot answer them. */
export function metadataUrl(resource: Resource): string | undefined {
  return resource.basePath === '' ? resource.origin + metadataPath(resource) : undefined
}

/** Answers the metadata of an API (RFC 9728 3.2), and passes any other request on. To be mounted at the root. */
export function resourceMetadata(resource: Resource, issuers: readonly string[]): RequestHandler {
  const path = metadataPath(resource)
  const metadata = {
    resource: resource.origin + resource.basePath,
    authorization_servers: issuers,
    bearer_methods_supported: ['header'],
  }
  return function oauthProtectedResource(req: Request, res: Response, next: NextFunction): void {
    if (req.originalUrl.split('?', 1)[0] !== path || (req.method !== 'GET' && req.method !== 'HEAD')) return next()
    // Public, and read by pages of any origin.
    res.setHeader('Access-Control-Allow-Origin', '*')
    sendJson(res, 'application/json', metadata)
  }
}
