// Steps in groups: what holds for one kind of host only, what holds in any case, and what is to be
// looked at on the host. The core says which by how a step begins.

export interface StepGroup {
  title: string;
  steps: string[];
  /** The number of the first one: numbers go on from group to group. */
  from: number;
}

const CASE = /^(If the host is [^:]+): (.+)$/s;
const ON_HOST = /^On the host,? (.+)$/s;

/** The groups that there are, in the order in which they are done. */
export function stepGroups(list: string[]): StepGroup[] {
  const cases = new Map<string, string[]>();
  const first: string[] = [];
  const always: string[] = [];
  const host: string[] = [];
  const several = list.some((step) => CASE.test(step));
  for (const step of list) {
    const [, title, text] = CASE.exec(step) ?? [];
    const onHost = ON_HOST.exec(step)?.[1];
    if (title && text) cases.set(title, [...(cases.get(title) ?? []), text]);
    else if (onHost) host.push(onHost.charAt(0).toUpperCase() + onHost.slice(1));
    else (several && cases.size === 0 ? first : always).push(step);
  }
  const found: [title: string, steps: string[]][] = [
    ["First", first],
    ...cases,
    [cases.size ? "In any case" : "", always],
    ["On the host", host],
  ];
  let from = 1;
  return found.flatMap(([title, steps]) => {
    if (steps.length === 0) return [];
    const group = { title, steps, from };
    from += steps.length;
    return [group];
  });
}
