/**
 * A prompt's completions as a tree of tokens: a token with the same tokens before it stands there once. A walk through it,
 * parents before their children, takes the completions in the order `order`; the first `shared[i]` rows of `order[i]` are those of
 * `order[i - 1]`, and the others are new. A completion has a row for each token but the last, which predicts nothing.
 */
export interface PrefixTree {
  readonly order: readonly number[];
  readonly shared: readonly number[];
  /** All rows, the prompt's with them. */
  readonly rows: number;
  /** The prompt's rows, and those on the way to each completion that adds some. */
  readonly pathRows: number;
}

/** Where the tree leaves fewer rows away, what it costs to gather the keys on every way is not worth it. */
const LEAST_SHARED = 0.05;

/** The tree, or, where completions share hardly more than their prompt of so many tokens, all rows of each in their order. */
export function prefixTree(prompt: number, completions: readonly (readonly number[])[]): PrefixTree {
  const at = (i: number) => completions[i] as readonly number[];
  const order = completions.map((_, i) => i).sort((a, b) => compare(at(a), at(b)));
  const shared = order.map((c, i) => (i === 0 ? 0 : sharedRows(at(order[i - 1] as number), at(c))));
  let rows = prompt;
  let pathRows = prompt;
  for (const [i, completion] of order.entries()) {
    const own = ownRows(at(completion));
    const added = own - (shared[i] as number);
    rows += added;
    if (added > 0) pathRows += own;
  }
  const all = completions.reduce((sum, completion) => sum + ownRows(completion), prompt);
  if (rows <= (1 - LEAST_SHARED) * all) return { order, shared, rows, pathRows };
  return { order: completions.map((_, i) => i), shared: completions.map(() => 0), rows: all, pathRows: all };
}

export function ownRows(completion: readonly number[]): number {
  return Math.max(0, completion.length - 1);
}

/** By the rows' tokens; what another one begins with comes after it and so adds nothing. */
function compare(a: readonly number[], b: readonly number[]): number {
  const same = sharedRows(a, b);
  if (same === Math.min(ownRows(a), ownRows(b))) return ownRows(b) - ownRows(a);
  return (a[same] as number) - (b[same] as number);
}

/** Rows at the beginning of both that have the same tokens. */
function sharedRows(a: readonly number[], b: readonly number[]): number {
  const most = Math.min(ownRows(a), ownRows(b));
  let i = 0;
  while (i < most && a[i] === b[i]) i++;
  return i;
}
