/**
 * A reporter that prints the table of faults from the outcomes of its cells:
 * `vitest run spec/faults/store spec/faults/provider --reporter=./spec/support/fault-table.ts`
 */
import type { SerializedError } from 'vitest'
import type { Reporter, TestCase, TestModule } from 'vitest/node'
import { steps, type CellOutcome, type Step } from './fault-columns.ts'

const legend = `
A cell: the response during the fault > the user who is logged in after the fault, once the step has been repeated.
  503 store     store_unavailable, with Retry-After; no cookie is touched
  503 provider  provider_unavailable, with Retry-After; no cookie is touched
  500 misconfigured  provider_misconfigured, without Retry-After; no cookie is touched
  502 response  the provider's response breaks the protocol; no cookie is touched
  30x to ...    a redirect to the provider or to a path of the application (after a logout form: 200, a page that continues)
  -             the step does not call this endpoint
Errors are pages, or problem+json for a fetch. callback: that of a visitor, and that of Bob while Alice is logged in.
In every cell, Bob in another browser and another visitor must keep their state.`

export default class FaultTable implements Reporter {
  /** Passes on the notices of skipped tests. */
  onUserConsoleLog({ content }: { readonly content: string }): void {
    process.stderr.write(content)
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const inOrder = modules.toSorted((a, b) => (a.moduleId < b.moduleId ? -1 : 1))
    const tests = inOrder.flatMap((module) => [...module.children.allTests()])
    const rows = new Map<string, Map<Step, string>>()
    for (const test of tests) {
      const outcome = test.meta().faultCell
      if (!outcome) continue
      const row = rows.get(outcome.fault) ?? new Map<Step, string>()
      rows.set(outcome.fault, row.set(outcome.step, inCell(outcome, test)))
    }
    print(
      ['fault', ...steps],
      [...rows].map(([fault, row]) => [fault, ...steps.map((step) => row.get(step) ?? '-')]),
    )
    console.log(legend)
    const states = tests.map((test) => test.result().state)
    const count = (wanted: string): number => states.filter((state) => state === wanted).length
    console.log(`\n${count('passed')} hold, ${count('failed')} do not, ${count('skipped')} skipped`)
    const broken = [...modules.flatMap((module) => module.errors()), ...unhandled].map(
      (error) => ['outside of a test', error] as const,
    )
    const failed = tests.flatMap((test) => (test.result().errors ?? []).map((error) => [test.fullName, error] as const))
    for (const [name, error] of [...failed, ...broken]) console.log(`\n${name}\n  ${error.stack ?? error.message}`)
  }
}

function inCell({ answered, healed = 'not healed' }: CellOutcome, test: TestCase): string {
  return `${test.result().state === 'passed' ? '' : 'DOES NOT HOLD: '}${answered} > ${healed}`
}

function print(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')
  console.log([line(head), widths.map((width) => '-'.repeat(width)).join('-|-'), ...rows.map(line)].join('\n'))
}
