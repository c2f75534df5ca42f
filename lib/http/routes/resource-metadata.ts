import type { NextFunction, Request, RequestHandler, Response } from 'express'
import { sendJson } from '../response/problem.ts'

/** The public address of the API. */
export interface Resource {
  readonly origin: string
  /** Without a trailing slash: `` or `/shop`. */
  readonly basePath: string
}

/** Returns the path of the metadata. The well-known part precedes the resource's path (RFC 9728, section 3.1). */
export function makeMetadataPath({ basePath }: Resource): string {
  return `/.well-known/oauth-protected-resource${basePath}`
}

/** Returns the URL of the metadata; undefined if the router is mounted below the root and cannot serve it. */
export function makeMetadataUrl(resource: Resource): string | undefined {
  return resource.basePath === '' ? resource.origin + makeMetadataPath(resource) : undefined
}

/** Returns a handler that serves an API's metadata (RFC 9728, section 3.2). It must be mounted at the root. */
export function serveResourceMetadata(resource: Resource, issuers: readonly string[]): RequestHandler {
  const path = makeMetadataPath(resource)
  const metadata = {
    resource: resource.origin + resource.basePath,
    authorization_servers: issuers,
    bearer_methods_supported: ['header'],
  }
  return function oauthProtectedResource(req: Request, res: Response, next: NextFunction): void {
    if (req.originalUrl.split('?', 1)[0] !== path || (req.method !== 'GET' && req.method !== 'HEAD')) return next()
    // The metadata is public, so pages of any origin may read it.
    res.setHeader('Access-Control-Allow-Origin', '*')
    sendJson(res, 'application/json', metadata)
  }
}
