/**
 * The test files whose outcome depends on the installed Express, express-session or Redis client. They use the router, the
 * request, the response, the session, its store or the client in a way that no other file does. They run for the pairs of
 * versions.
 */
const peers = [
  'spec/examples',
  'spec/flows/authorize.spec.ts',
  'spec/flows/backchannel-logout.spec.ts',
  'spec/flows/bearer-answers.spec.ts',
  'spec/flows/callback.spec.ts',
  'spec/flows/express-4.spec.ts',
  'spec/flows/form-post.spec.ts',
  'spec/flows/frontchannel-logout.spec.ts',
  'spec/flows/guard-answers-express4.spec.ts',
  'spec/flows/guard-answers.spec.ts',
  'spec/flows/instances.spec.ts',
  'spec/flows/login.spec.ts',
  'spec/flows/logout.spec.ts',
  'spec/flows/nothing-comes-back.spec.ts',
  'spec/flows/one-command.spec.ts',
  'spec/flows/other-stores.spec.ts',
  'spec/flows/prefixes.spec.ts',
  'spec/flows/setup-mistakes.spec.ts',
  'spec/http/response/error-page.spec.ts',
  'spec/http/request/form-body.spec.ts',
  'spec/http/request/mount.spec.ts',
  'spec/http/oidc.spec.ts',
  'spec/logins/login/response-use.spec.ts',
  'spec/logins/logout/end-own-login.spec.ts',
  'spec/logins/login/finish.spec.ts',
  'spec/logins/tokens/stored-tokens.spec.ts',
  'spec/logins/moved-login.spec.ts',
  'spec/logins/tokens/reidentify.spec.ts',
  'spec/logins/written-login.spec.ts',
  'spec/session',
]

/** The parts that a combination can run. Each entry is a folder or a file. */
export const parts = { peers, all: ['spec'] }

/** Tests whose outcome depends on no version: they test the text of the project, or need more than this machine. */
export const leftOut = [
  'spec/browser',
  'spec/keycloak',
  'spec/packaging',
  'spec/layers.spec.ts',
  'spec/security.spec.ts',
]
