/** Which declarations of lib/ are published in the package. */
import { describe, expect, it } from 'vitest'
import { publicDeclarations } from '../../scripts/build-declarations.js'

function published(files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(publicDeclarations(new Map(Object.entries(files)), ['index.d.ts']))
}

const index = "export { open, type Door as Gate } from './doors/door.ts';\n"

describe('the published declarations', () => {
  it('publishes the exported declarations and those that they name, with comments, and no others', () => {
    expect(
      published({
        'index.d.ts': index,
        'doors/door.d.ts': [
          "import type { Key, Lock } from '../keys.ts';",
          "import type { Request, Response } from 'express';",
          "import { internal } from './internal.ts';",
          '/** A door. */',
          'export interface Door extends Frame {',
          '    /** Fits. */',
          '    key: Key;',
          '}',
          'interface Frame {',
          '    width: number;',
          '}',
          'export declare function open(door: Door, req: Request): typeof standard;',
          'export declare function open(door: Door): void;',
          'export declare const standard: unique symbol;',
          'export declare class Hinge {',
          '    #private;',
          '    lock: Lock;',
          '}',
          'export declare const other: typeof internal;',
          'export {};',
          '',
        ].join('\n'),
        'doors/internal.d.ts': 'export declare const internal: 1;\n',
        'keys.d.ts': 'export type Key = string;\nexport type Lock = number;\n',
      }),
    ).toEqual({
      'index.d.ts': index,
      'doors/door.d.ts': [
        "import type { Key } from '../keys.ts';",
        "import type { Request } from 'express';",
        '/** A door. */',
        'export interface Door extends Frame {',
        '    /** Fits. */',
        '    key: Key;',
        '}',
        'interface Frame {',
        '    width: number;',
        '}',
        'export declare function open(door: Door, req: Request): typeof standard;',
        'export declare function open(door: Door): void;',
        'export declare const standard: unique symbol;',
        'export {};',
        '',
      ].join('\n'),
      'keys.d.ts': 'export type Key = string;\n',
    })
  })

  it('publishes the module augmentations of each file, and what those name', () => {
    const files = {
      'index.d.ts': "export { a } from './a.ts';\n",
      'a.d.ts': [
        "import './effect.ts';",
        "import type { B as C } from './b.ts';",
        'export declare const a: 1;',
        'declare global {',
        '    interface Request {',
        '        c: C;',
        '    }',
        '}',
        '',
      ].join('\n'),
      'b.d.ts': 'export interface B {\n    b: string;\n}\n',
      'effect.d.ts': "declare module 'express' {\n    interface Effect {\n    }\n}\nexport {};\n",
    }
    expect(published(files)).toEqual(files)
  })

  it.each([
    ['a missing name', "export { a } from './a.ts';", 'export declare const b: 1;', 'a.d.ts has no a'],
    ['a missing file', "export { a } from './b.ts';", '', 'there is no b.d.ts'],
    ['all exports of a file', "export * from './a.ts';", '', "index.d.ts: export * from './a.ts';?"],
    ['import()', "export { a } from './a.ts';", "export type a = import('./b.ts').B;", 'a.d.ts: import() in a type'],
    ['import *', "export { a } from './a.ts';", "import * as b from './b.ts';", 'a.d.ts: import * of a file'],
    [
      'a default export without a name',
      "export { a } from './a.ts';",
      'export default 1;',
      'a.d.ts: export default 1; has no name',
    ],
  ])('throws instead of guessing: %s', (_what, index, a, message) => {
    expect(() => published({ 'index.d.ts': index, 'a.d.ts': a })).toThrow(message)
  })
})
