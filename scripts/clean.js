// Removes the build output, so that a file taken out of lib/ does not linger in the package.
import { rmSync } from 'node:fs'

rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true })
