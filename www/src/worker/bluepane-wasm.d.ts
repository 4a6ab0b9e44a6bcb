// What the WebAssembly module's generated glue offers, as far as the worker uses it. The build
// resolves the name to the glue file.
declare module "bluepane-wasm" {
  import type { Answer, Listing, Progress, Report, Shown } from "../report";

  export function initSync(options: {
    module: BufferSource | WebAssembly.Module;
  }): WebAssembly.ModuleImports;
  export function look_up(line: string): Answer[];
  export function install_knowledge(tables: Uint8Array): void;

  export class Analyzer {
    constructor(name: string, size: number);
    run(
      read: (offset: number, length: number) => Promise<Uint8Array>,
      onProgress: (progress: Progress) => void,
    ): Promise<Report>;
    add_symbols(name: string, bytes: Uint8Array): void;
    add_unusable(name: string, why: string): void;
    cancel(): void;
    text(redact: boolean): string;
    markdown(redact: boolean): string;
    json(redact: boolean): string;
    html(redact: boolean): string;
    command(
      line: string,
      read: (offset: number, length: number) => Promise<Uint8Array>,
      onProgress: (progress: Progress) => void,
    ): Promise<string>;
    memory(
      place: string,
      physical: boolean,
      length: number,
      read: (offset: number, length: number) => Promise<Uint8Array>,
      onProgress: (progress: Progress) => void,
    ): Promise<Shown>;
    set_disassembler(
      disassemble: (machine: number, address: bigint, bytes: Uint8Array) => string,
    ): void;
    code(
      place: string,
      read: (offset: number, length: number) => Promise<Uint8Array>,
      onProgress: (progress: Progress) => void,
    ): Promise<Listing>;
    free(): void;
  }
}

// The module that reads machine code.
declare module "bluepane-wasm-disasm" {
  export function initSync(options: { module: BufferSource | WebAssembly.Module }): unknown;
  export function disassemble(machine: number, address: bigint, bytes: Uint8Array): string;
}

// The module that reads PDB and ISF files.
declare module "bluepane-wasm-formats" {
  export function initSync(options: { module: BufferSource | WebAssembly.Module }): unknown;
  export function convert(name: string, bytes: Uint8Array): Uint8Array;
}
