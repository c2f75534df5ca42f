/** The columns of the table of faults, and the content of a cell. */
export const steps = ['login', 'callback', 'guarded page', 'guarded fetch', 'logout'] as const
export type Step = (typeof steps)[number]

/** The outcome of a cell. */
export interface CellOutcome {
  readonly fault: string
  readonly step: Step
  /** The responses during the fault. */
  answered: string
  /** The user who is logged in after the step was repeated; undefined if the test did not get that far. */
  healed?: string
}

declare module 'vitest' {
  interface TaskMeta {
    faultCell?: CellOutcome
  }
}
