/**
 * The folders of lib/ that `npm run test:mutation` changes, and the specs that must notice: those that are about the
 * folder, not all that pass through it, since a mutant that nothing notices has to get past each of them.
 */
export const folders = {
  core: ['core/**', 'provider/http-client', 'http/cookies', 'http/pages', 'config/routes'],
  tokens: ['tokens/**', 'flows/bound-tokens', 'flows/entra-login', 'flows/introspection'],
  session: [
    'session/**',
    'flows/nothing-comes-back',
    'flows/other-stores',
    'flows/prefixes',
    'flows/one-command',
    'races/windows',
  ],
  guard: [
    'guard/**',
    'flows/guard-answers',
    'flows/bearer-answers',
    'flows/bound-tokens',
    'flows/entra-bearer',
    'flows/introspection',
    'flows/several-issuers',
  ],
  logins: [
    'logins/**',
    'flows/login',
    'flows/callback',
    'flows/logout',
    'flows/instances',
    'flows/form-post',
    'flows/silent-login',
    'incidents/granted-scope',
    'races/windows',
  ],
}
