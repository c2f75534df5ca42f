import type { Request } from 'express'
import type { Device } from '../../store/slot.ts'

/** Characters of a user agent's name that are kept. */
const longestUserAgent = 256

/** What a browser says of itself, to be shown to its user among others; nothing is decided by it. */
export function deviceOf(req: Request): Device {
  const userAgent = req.headers['user-agent']?.slice(0, longestUserAgent)
  return { ...(userAgent === undefined ? {} : { userAgent }), ...(req.ip === undefined ? {} : { address: req.ip }) }
}
