/** The columns of the table of faults, and what a cell of it says. */
export const steps = ['login', 'callback', 'guarded page', 'guarded fetch', 'logout'] as const
export type Step = (typeof steps)[number]

/** What was seen in a cell. */
export interface CellOutcome {
  readonly fault: string
  readonly step: Step
  /** The answers under the fault. */
  answered: string
  /** Who was logged in once the step was taken again; undefined where it did not get so far. */
  healed?: string
}

declare module 'vitest' {
  interface TaskMeta {
    faultCell?: CellOutcome
  }
}
