// Takes the indentation out of the templates: what the source breaks into lines for people to read
// is a single blank between two words, and the page need not carry it.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { parse } from "acorn";
import { transform } from "esbuild";

const tsconfig = fileURLToPath(new URL("../tsconfig.json", import.meta.url));
const TAGS = new Set(["html", "svg"]);
/** Elements in which a line break is one. */
const AS_WRITTEN = /<(?:pre|textarea)\b/;

/** The pieces of text in the templates below a node of the syntax tree. */
function* pieces(node) {
  if (Array.isArray(node)) {
    for (const one of node) yield* pieces(one);
  } else if (typeof node?.type === "string") {
    if (node.type === "TaggedTemplateExpression" && TAGS.has(node.tag.name)) {
      if (!node.quasi.quasis.some(({ value }) => AS_WRITTEN.test(value.raw)))
        yield* node.quasi.quasis;
    }
    for (const part of Object.values(node)) yield* pieces(part);
  }
}

/** JavaScript with every line break in its templates, and the blanks around it, as one blank. */
export function withoutIndentation(script) {
  const tree = parse(script, { ecmaVersion: "latest", sourceType: "module" });
  const found = [...pieces(tree)].sort((a, b) => a.start - b.start);
  let text = "";
  let done = 0;
  for (const { start, end } of found) {
    text += script.slice(done, start) + script.slice(start, end).replace(/\s*\n\s*/g, " ");
    done = end;
  }
  return text + script.slice(done);
}

/** For esbuild: the sources of the page, their templates made small. */
export const templates = {
  name: "bluepane-templates",
  async setup(context) {
    const tsconfigRaw = await readFile(tsconfig, "utf8");
    context.onLoad({ filter: /[\\/](?:www|npm)[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const { code } = await transform(source, { loader: "ts", tsconfigRaw, sourcefile: path });
      return { contents: withoutIndentation(code), loader: "js" };
    });
  },
};
