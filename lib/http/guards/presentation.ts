import { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { Request } from 'express'
import type { ResolvedBinding } from '../../config/resolve-binding.ts'
import { hookFailed } from '../../core/errors.ts'
import { listRequestSecrets } from '../../core/request-secrets.ts'
import type { Presentation } from '../../guard/binding.ts'
import { MalformedCredentials, type Credentials } from './bearer-credentials.ts'
import type { Resource } from '../routes/resource-metadata.ts'

/**
 * Returns how a request presents a token, to verify that the client has the key that the token is bound to.
 *
 * @throws MalformedCredentials if a DPoP proof cannot name the URL of the request.
 */
export function readPresentation(
  req: Request,
  { scheme }: Credentials,
  resource: Resource | undefined,
  mtls: ResolvedBinding['mtls'],
): Presentation {
  const proof = req.headers['dpop']
  return {
    scheme,
    method: req.method,
    url: resource && makePublicUrl(req, resource, scheme === 'dpop'),
    proof: typeof proof === 'string' ? proof : undefined,
    certificate: () => readCertificate(req, mtls),
  }
}

/**
 * Returns the URL as clients see it, from `baseUrl`, never from `Host`. A proxy may have removed the base path. A proof is
 * compared with the normalized URL (RFC 9449, section 4.3), but Express routes the path as it was sent. So a proof for `/x`
 * would pass at the route `/files/*` with the path `/files/../x`.
 */
function makePublicUrl(req: Request, { origin, basePath }: Resource, mustBeNormalized: boolean): URL {
  const url = new URL(origin)
  const path = (req.originalUrl ?? req.url).split(/[?#]/, 1)[0] as string
  // Assigned as a path, so that a target like `//host` is not parsed as a host.
  url.pathname = path
  if (mustBeNormalized && url.pathname !== path) {
    throw new MalformedCredentials('With the scheme DPoP, the path of the request must be normalized.')
  }
  const isBelow = url.pathname === basePath || url.pathname.startsWith(`${basePath}/`)
  if (!isBelow) url.pathname = basePath + url.pathname
  return url
}

function readCertificate(req: Request, mtls: ResolvedBinding['mtls']): Uint8Array | undefined {
  if (mtls === true) return (req.socket as Partial<TLSSocket>).getPeerX509Certificate?.()?.raw
  const given = runCertificateHook(req, () => mtls?.(req))
  if (given === undefined) return undefined
  // Anything but PEM or DER is a fault of the application's function.
  return runCertificateHook(req, () => new X509Certificate(given).raw)
}

function runCertificateHook<Result>(req: Request, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw hookFailed('mtls.certificate', error, listRequestSecrets(req))
  }
}
