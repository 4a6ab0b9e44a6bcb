// Names of modules, as debuggers, expressions and module lists write them.

/** A module as expressions name it: without its extension, in lower case. */
export function stem(name: string): string {
  return name.replace(/\.\w+$/, "").toLowerCase();
}

/** Debuggers name a module without its extension; the module list keeps it. */
export function sameModule(a: string, b: string): boolean {
  return stem(a) === stem(b);
}
