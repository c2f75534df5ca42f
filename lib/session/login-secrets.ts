import type { Seals } from '../core/seals.ts'
import type { ProgressCookie } from './progress-cookie.ts'

/** The secrets of a login in progress. They are derived anew when its response arrives, so nothing stores them. */
export interface LoginSecrets {
  readonly nonce: string
  /** PKCE code verifier (RFC 7636, section 4.1). */
  readonly verifier: string
  /** Private key that the login's tokens will be bound to (RFC 9449), as the member `d` of its JWK. */
  readonly dpopKey: string | undefined
}

/** Order of the base point of P-256 (FIPS 186-5, section 3.2.1.3). */
const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')

/** Derives the secrets of a login from its cookie and the secret of the option `secret` that sealed its `state`. */
export function deriveLoginSecrets(
  { loginSecrets }: Pick<Seals, 'loginSecrets'>,
  login: { readonly id: string; readonly secret: number; readonly hasDpop: boolean },
  cookie: Pick<ProgressCookie, 'secret'>,
): LoginSecrets {
  const derive = (purpose: string, length: number): Buffer =>
    loginSecrets.derive(login.secret, cookie.secret, `${purpose} ${login.id}`, length)
  return {
    nonce: derive('nonce', 16).toString('base64url'),
    verifier: derive('verifier', 32).toString('base64url'),
    dpopKey: login.hasDpop ? reduceToKey(derive('dpop ES256', 48)) : undefined,
  }
}

/** Turns random bits into a private key of P-256 (FIPS 186-5, appendix A.2.1: 128 extra bits, modulo n - 1, plus 1). */
function reduceToKey(bytes: Buffer): string {
  const key = (BigInt(`0x${bytes.toString('hex')}`) % (order - 1n)) + 1n
  return Buffer.from(key.toString(16).padStart(64, '0'), 'hex').toString('base64url')
}
