/**
 * Reads and rewrites the sections of a Wasm binary that the core's build needs: imports, exports and function names.
 * @see WebAssembly Core Specification 5.5 (modules)
 */

/** One section of a module: its id (0 is custom) and its payload without the size. */
export interface WasmSection {
  readonly id: number;
  readonly payload: Uint8Array;
}

/** An import as its two names, the kind byte (0 function, 1 table, 2 memory, 3 global) and the undecoded type after it. */
export interface WasmImport {
  readonly module: string;
  readonly name: string;
  readonly kind: number;
  readonly type: Uint8Array;
}

/** An export: name, kind byte as for imports, index in that kind's space. */
export interface WasmExport {
  readonly name: string;
  readonly kind: number;
  readonly index: number;
}

const header = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

class Reader {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  byte(): number {
    const value = this.bytes[this.at++];
    if (value === undefined) throw new Error('Wasm module ends early');
    return value;
  }

  leb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  take(length: number): Uint8Array {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text(): string {
    return new TextDecoder().decode(this.take(this.leb()));
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }
}

const leb = (value: number): number[] => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(Math.floor(value / 128))]);

const text = (value: string): number[] => {
  const bytes = new TextEncoder().encode(value);
  return [...leb(bytes.length), ...bytes];
};

/** Splits a module into its sections, in file order. */
export const readSections = (wasm: Uint8Array): WasmSection[] => {
  const reader = new Reader(wasm);
  if (!header.every((byte) => reader.byte() === byte)) throw new Error('not a Wasm module of version 1');
  const sections: WasmSection[] = [];
  while (!reader.done) {
    const id = reader.byte();
    sections.push({ id, payload: reader.take(reader.leb()) });
  }
  return sections;
};

/** Joins sections to a module; the reverse of readSections. */
export const writeSections = (sections: readonly WasmSection[]): Uint8Array<ArrayBuffer> => {
  const chunks = [header, ...sections.flatMap(({ id, payload }) => [Uint8Array.from([id, ...leb(payload.length)]), payload])];
  const result = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    result.set(chunk, at);
    at += chunk.length;
  }
  return result;
};

const skipLimits = (reader: Reader): void => {
  const flags = reader.byte();
  reader.leb();
  if (flags & 1) reader.leb();
};

const skipImportType = (reader: Reader, kind: number): void => {
  if (kind === 0) reader.leb();
  else if (kind === 1) {
    reader.byte();
    skipLimits(reader);
  } else if (kind === 2) skipLimits(reader);
  else if (kind === 3) reader.take(2);
  else throw new Error(`import kind ${kind} is not known here`);
};

/** The imports of a module, in index order. */
export const readImports = (sections: readonly WasmSection[]): WasmImport[] => {
  const section = sections.find(({ id }) => id === 2);
  if (section === undefined) return [];
  const reader = new Reader(section.payload);
  return Array.from({ length: reader.leb() }, () => {
    const [module, name, kind, start] = [reader.text(), reader.text(), reader.byte(), reader.at];
    skipImportType(reader, kind);
    return { module, name, kind, type: section.payload.subarray(start, reader.at) };
  });
};

/** The payload of an import section. */
export const encodeImports = (imports: readonly WasmImport[]): Uint8Array =>
  Uint8Array.from([...leb(imports.length), ...imports.flatMap(({ module, name, kind, type }) => [...text(module), ...text(name), kind, ...type])]);

/** The exports of a module, in file order. */
export const readExports = (sections: readonly WasmSection[]): WasmExport[] => {
  const section = sections.find(({ id }) => id === 7);
  if (section === undefined) return [];
  const reader = new Reader(section.payload);
  return Array.from({ length: reader.leb() }, () => ({ name: reader.text(), kind: reader.byte(), index: reader.leb() }));
};

/** The payload of an export section. */
export const encodeExports = (exports: readonly WasmExport[]): Uint8Array =>
  Uint8Array.from([...leb(exports.length), ...exports.flatMap(({ name, kind, index }) => [...text(name), kind, ...leb(index)])]);

/** Whether a section is the custom section `name` with the names of functions and locals. */
export const isNameSection = ({ id, payload }: WasmSection): boolean => id === 0 && new Reader(payload).text() === 'name';

/** Function names from the name section: index to name; empty when the module was stripped. */
export const readFunctionNames = (sections: readonly WasmSection[]): Map<number, string> => {
  const names = new Map<number, string>();
  const section = sections.find(isNameSection);
  if (section === undefined) return names;
  const reader = new Reader(section.payload);
  reader.text();
  while (!reader.done) {
    const kind = reader.byte();
    const part = new Reader(reader.take(reader.leb()));
    if (kind !== 1) continue;
    for (let left = part.leb(); left > 0; left--) names.set(part.leb(), part.text());
  }
  return names;
};
