/**
 * The part of the WebAssembly JavaScript API that Zendo uses: TypeScript declares it in its `dom` library only, whose
 * other names (window, document, ...) must not be known below src/host/browser.
 * @see https://www.w3.org/TR/wasm-js-api-2/
 */
declare namespace WebAssembly {
  type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'funcref' | 'externref';
  type ImportExportKind = 'function' | 'table' | 'memory' | 'global' | 'tag';
  type ImportValue = ExportValue | number | bigint;
  // biome-ignore lint/complexity/noBannedTypes: the type of any function, as in TypeScript's own declaration
  type ExportValue = Function | Global | Memory | Table;
  type Imports = Record<string, Record<string, ImportValue>>;
  // biome-ignore lint/suspicious/noExplicitAny: exports are what the module's author says; the caller narrows them
  type Exports = Record<string, any>;

  class CompileError extends Error {}
  class LinkError extends Error {}
  class RuntimeError extends Error {}

  class Module {
    constructor(bytes: BufferSource);
    static customSections(module: Module, name: string): ArrayBuffer[];
    static exports(module: Module): { name: string; kind: ImportExportKind }[];
    static imports(module: Module): { module: string; name: string; kind: ImportExportKind }[];
  }

  class Instance {
    constructor(module: Module, imports?: Imports);
    readonly exports: Exports;
  }

  /** Shared ones only: every memory of a machine is. */
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared: true });
    readonly buffer: SharedArrayBuffer;
    grow(pages: number): number;
  }

  class Table {
    constructor(descriptor: { element: 'anyfunc' | 'externref'; initial: number; maximum?: number });
    readonly length: number;
    // biome-ignore lint/suspicious/noExplicitAny: a slot holds a function of any signature
    get(index: number): any;
    set(index: number, value?: unknown): void;
    grow(delta: number, value?: unknown): number;
  }

  class Global {
    constructor(descriptor: { value: ValueType; mutable?: boolean }, value?: unknown);
    value: number | bigint;
  }

  function compile(bytes: BufferSource): Promise<Module>;
  function instantiate(module: Module, imports?: Imports): Promise<Instance>;
  function instantiate(bytes: BufferSource, imports?: Imports): Promise<{ module: Module; instance: Instance }>;
  function validate(bytes: BufferSource): boolean;
}

type BufferSource = ArrayBufferView | ArrayBuffer;
