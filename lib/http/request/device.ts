import type { Request } from 'express'
import type { Device } from '../../store/login-entry.ts'

/** Maximum length of the stored `User-Agent`. */
const longestUserAgent = 256

/** Returns how the browser identifies itself, for lists of devices. No decision uses it. */
export function readDevice(req: Request): Device {
  const userAgent = req.headers['user-agent']?.slice(0, longestUserAgent)
  return { ...(userAgent === undefined ? {} : { userAgent }), ...(req.ip === undefined ? {} : { address: req.ip }) }
}
