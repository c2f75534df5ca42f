/** Specs in which Express, express-session or a Redis client has the most to say. */
const peers = ['spec/examples', 'spec/flows', 'spec/guard', 'spec/http', 'spec/logins', 'spec/session']

/** Specs in which only Node has. */
const node = ['spec/config', 'spec/core', 'spec/provider', 'spec/testing', 'spec/tokens']

/** What a combination runs: every one the first, one for each Node the second, and one of them the third. */
export const parts = { peers, node: [...peers, ...node], all: ['spec'] }

/** Specs that are about the text of the project or need more than this machine: no version changes what they say. */
export const leftOut = [
  'spec/browser',
  'spec/keycloak',
  'spec/packaging',
  'spec/layers.spec.ts',
  'spec/security.spec.ts',
]
