import type { Checks } from './checks.ts'
import type { OidcRoleSources } from './claims.ts'
import type { IssuerNeeds } from './issuer.ts'
import { issuerRules, readIssuerRules, type OidcIssuerRules } from './issuer-rules.ts'
import { OidcProvider, type CustomProviderOptions, type ProviderSettings } from './oidc-provider.ts'
import type { OidcProviderMetadata } from './provider-metadata.ts'

/** The validated option `provider` or `issuer`. The issuer is empty if there are faults. */
export interface ResolvedProvider {
  readonly issuer: string
  /** Undefined if the metadata is discovered. */
  readonly metadata: OidcProviderMetadata | undefined
  readonly rules: OidcIssuerRules | undefined
  readonly scope: readonly string[] | undefined
  readonly roles: ((sources: OidcRoleSources) => readonly string[]) | undefined
  readonly isApplicationToken: ProviderSettings['isApplicationToken']
}

export const providerSettings: readonly (keyof CustomProviderOptions)[] = ['issuer', 'scope', 'roles', ...issuerRules]

/** Reads the option `provider`, or its alternative `issuer`, which has no rules. */
export function readProvider(checks: Checks, needs: IssuerNeeds): ResolvedProvider {
  const none = {
    metadata: undefined,
    rules: undefined,
    scope: undefined,
    roles: undefined,
    isApplicationToken: undefined,
  }
  const fault = findChoiceFault(checks.value('provider'), checks.value('issuer'))
  if (fault !== undefined) {
    checks.fault(fault)
    return { ...none, issuer: '' }
  }
  const settings = OidcProvider.reveal(checks.value('provider'))
  if (!settings) return { ...none, ...checks.issuer(needs) }
  const { isApplicationToken, ...given } = settings
  const read = (inner: Checks): ReturnType<typeof readProviderSettings> => readProviderSettings(inner, needs)
  return { ...checks.nested('provider', providerSettings, read, { given }), isApplicationToken }
}

/** Returns why the options `provider` and `issuer` do not name one provider; undefined if they do. */
export function findChoiceFault(provider: unknown, issuer: unknown): string | undefined {
  if (provider !== undefined && issuer !== undefined) {
    return '`provider` and `issuer` are both given; pass one of them: a provider has its own issuer'
  }
  if (OidcProvider.reveal(issuer)) return '`issuer` is a provider; pass it as `provider`'
  if (provider === undefined && issuer === undefined) {
    return "`provider` or `issuer` is missing; pass `provider: keycloak({ url, realm })` or another provider, not spread, or the provider's issuer identifier, for example `issuer: 'https://id.example.com/realms/acme'`"
  }
  if (provider === undefined || OidcProvider.reveal(provider)) return undefined
  return '`provider` is not a provider; pass what `keycloak()`, `entra()` or `customProvider()` returned, itself and not a copy'
}

export function readProviderSettings(checks: Checks, needs: IssuerNeeds): Omit<ResolvedProvider, 'isApplicationToken'> {
  return {
    ...checks.issuer(needs),
    scope: readLoginScope(checks),
    roles: checks.function('roles'),
    rules: readIssuerRules(checks, needs.allowInsecure),
  }
}

/** Reads the scope that logins request; undefined if it is missing or invalid. */
export function readLoginScope(checks: Checks): readonly string[] | undefined {
  const scope = checks.scope('scope', "for example 'openid profile email'")
  if (scope && !scope.includes('openid'))
    checks.fault("`scope` has no 'openid', so the provider issues no ID token; add it (OIDC Core 3.1.2.1)")
  return scope
}
