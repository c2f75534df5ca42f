import { Checks, optionsInvalid } from '../config/checks.ts'
import { OidcProvider, type CustomProviderOptions } from '../config/oidc-provider.ts'
import { providerSettings, readProviderSettings } from '../config/provider-option.ts'

/**
 * Returns a provider with its own rules, for `createOidc` and `createBearer`. Use it if the provider's tokens deviate from
 * the specifications, or if only some of them are accepted. A provider without rules needs only the option `issuer`.
 * @throws OidcError `options_invalid`, which names every fault.
 * @example
 * const provider = customProvider({
 *   issuer: 'https://id.example.com',
 *   accept: ({ email_verified }) => email_verified === true || 'email is not verified',
 * })
 * const oidc = createOidc({ provider, ...options })
 */
export function customProvider(options: CustomProviderOptions): OidcProvider {
  const checks = new Checks(options, 'the options of customProvider()', providerSettings)
  // `allowInsecureIssuer` and the required metadata is known only where the provider is used, and are checked there.
  const needs = { allowInsecure: true, neededMetadata: [] }
  const { issuer, metadata, rules, ...settings } = readProviderSettings(checks, needs)
  if (checks.faults.length > 0) throw optionsInvalid('customProvider()', checks.faults)
  return new OidcProvider({ ...rules, ...settings, issuer: metadata ?? issuer })
}
