// What the build provides under a name of its own (npm/build.mjs).
declare module "bluepane:wasm" {
  /** The WebAssembly module: gzip as text. */
  const text: string;
  export default text;
}

declare module "bluepane:later" {
  /** Its second part, which answers questions: gzip as text. */
  const text: string;
  export default text;
}

declare module "bluepane:knowledge" {
  /** The texts of the knowledge tables: gzip as text. */
  const text: string;
  export default text;
}

declare module "bluepane:disasm" {
  /** The WebAssembly module that reads machine code: gzip as text. */
  const text: string;
  export default text;
}

declare module "bluepane:formats" {
  /** The WebAssembly module that reads symbol files: gzip as text. */
  const text: string;
  export default text;
}
