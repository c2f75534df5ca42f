/** The provider rows of the fault table: a provider that fails just before each step of a login. */
import { describe, it, vi } from 'vitest'
import { faultCell } from '../support/fault-cell.ts'
import { faultStages } from '../support/fault-stage.ts'
import { steps } from '../support/fault-columns.ts'
import { served } from '../support/fault-steps.ts'
import { providerRows } from './rows.ts'

const { world, stage } = faultStages()

describe.each(providerRows.map((row) => [row.fault, row] as const))(
  'when %s',
  { meta: { id: 'provider-1' } },
  (_fault, given) => {
    const { knows, options, endpoints, answer, ...row } = given
    it.for(steps.filter((step) => row.expected[step] !== undefined))(
      'the step "%s" gets the listed answer and succeeds after recovery',
      async (step, context) => {
        const { browser, newProcess, breakProvider } = stage()
        const { provider } = world
        // The preparations run with the default time-out.
        await newProcess({ store: world.store() })
        let mend = (): void => {}
        const setup = {
          ...row,
          step,
          browser,
          provider,
          async start() {
            const app = await newProcess({ store: world.store(), options })
            const agent = browser()
            if (knows === 'metadata') await served(() => agent.get('/login', { redirect: 'manual' }))
            if (knows === 'metadata and keys') await served(() => agent.get('/profile'))
            return app
          },
          strike: async () => {
            mend = await breakProvider(endpoints, answer)
          },
          heal: () => {
            mend()
            // Skips the back-off after a failed discovery.
            if (knows !== 'nothing') return
            const now = performance.now.bind(performance)
            vi.spyOn(performance, 'now').mockImplementation(() => now() + 1000)
          },
        }
        await faultCell(setup, context)
      },
    )
  },
)
