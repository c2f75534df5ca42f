import { defineConfig } from 'vitest/config'
import base from './vitest.config.ts'

/** The specs that a mutant of lib/ must get past (stryker.config.js): those that are about lib/ and run in this process. */
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: [
      'spec/{config,core,guard,http,logins,provider,session,tokens}/**/*.spec.ts',
      'spec/flows/{callback,login,logout,instances,other-stores,nothing-comes-back}.spec.ts',
    ],
  },
})
