// Which of the dropped files are no dumps but go beside one: symbol files and images of drivers.

const BESIDE = /\.(pdb|sys|exe|dll|(json|isf)(\.xz)?)$/i;
/** More would only be other versions of the same. */
const MOST = 64;

/** Dumps, and what goes beside them. */
export function apart(files: readonly File[]): { dumps: File[]; symbols: File[] } {
  const symbols = files.filter((file) => BESIDE.test(file.name));
  return { dumps: files.filter((file) => !symbols.includes(file)), symbols };
}

/** The files so far and the new ones; a new file takes the place of one that is the same. */
export function together(known: readonly File[], added: readonly File[]): File[] {
  const same = (a: File, b: File): boolean => a.name === b.name && a.size === b.size;
  const kept = known.filter((file) => !added.some((other) => same(file, other)));
  return [...kept, ...added].slice(-MOST);
}
