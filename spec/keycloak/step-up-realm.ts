/** A Keycloak realm with two levels of authentication: a password is silver, an additional one-time password is gold. */
import { createHmac } from 'node:crypto'

/** The period of a one-time password in seconds. It is also valid in the neighboring periods (RFC 6238 4.1, 5.2). */
const period = 30
const sharedSecret = 'a secret that the telephone of Alice knows too'

interface Execution {
  readonly authenticator?: string
  readonly authenticatorConfig?: string
  readonly flowAlias?: string
  readonly requirement: 'ALTERNATIVE' | 'CONDITIONAL' | 'REQUIRED'
}

function flow(alias: string, executions: readonly Execution[]): object {
  return {
    alias,
    providerId: 'basic-flow',
    topLevel: alias === 'levels',
    builtIn: false,
    authenticationExecutions: executions.map((execution, index) => ({
      ...execution,
      authenticatorFlow: execution.flowAlias !== undefined,
      priority: index,
    })),
  }
}

/** A level of authentication, which is required if it is requested and was not passed recently. */
function level(name: string, authenticator: string): object {
  return flow(name, [
    {
      authenticator: 'conditional-level-of-authentication',
      authenticatorConfig: `${name} level`,
      requirement: 'REQUIRED',
    },
    { authenticator, requirement: 'REQUIRED' },
  ])
}

function configuration(name: string, value: number, seconds: number): object {
  return {
    alias: `${name} level`,
    config: { 'loa-condition-level': String(value), 'loa-max-age': String(seconds) },
  }
}

/** Settings to spread into a realm: the levels, and Alice with a password and the secret of her one-time passwords. */
export const stepUpRealm: object = {
  attributes: { 'acr.loa.map': JSON.stringify({ silver: 1, gold: 2 }) },
  otpPolicyType: 'totp',
  otpPolicyAlgorithm: 'HmacSHA1',
  otpPolicyDigits: 6,
  otpPolicyPeriod: period,
  otpPolicyLookAheadWindow: 1,
  // Tests use a one-time password again sooner than Alice could get a new one.
  otpPolicyCodeReusable: true,
  browserFlow: 'levels',
  authenticationFlows: [
    flow('levels', [
      { authenticator: 'auth-cookie', requirement: 'ALTERNATIVE' },
      { flowAlias: 'forms', requirement: 'ALTERNATIVE' },
    ]),
    flow('forms', [
      { flowAlias: 'silver', requirement: 'CONDITIONAL' },
      { flowAlias: 'gold', requirement: 'CONDITIONAL' },
    ]),
    level('silver', 'auth-username-password-form'),
    level('gold', 'auth-otp-form'),
  ],
  authenticatorConfig: [configuration('silver', 1, 36_000), configuration('gold', 2, 36_000)],
  users: [
    {
      username: 'alice',
      enabled: true,
      email: 'alice@example.test',
      firstName: 'Alice',
      lastName: 'Archer',
      realmRoles: ['user'],
      credentials: [
        { type: 'password', value: 'alice-pw' },
        {
          type: 'otp',
          secretData: JSON.stringify({ value: sharedSecret }),
          credentialData: JSON.stringify({ subType: 'totp', digits: 6, period, algorithm: 'HmacSHA1' }),
        },
      ],
    },
  ],
}

/** Alice's current one-time password (RFC 6238 4, RFC 4226 5.3). */
export function oneTimePassword(): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000 / period)))
  const mac = createHmac('sha1', sharedSecret).update(counter).digest()
  const number = mac.readUInt32BE(mac.readUInt8(19) & 15) & 0x7fffffff
  return String(number % 1_000_000).padStart(6, '0')
}
