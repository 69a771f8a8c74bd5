/**
 * The merges of a SentencePiece BPE vocabulary, which keeps only scores: whatever two pieces make a third one, the best third
 * one first. The order among equals is that of transformers' `generate_merges`, so that the ids are the same.
 *
 * @param scores of the tokens, higher is better
 */
export function mergesOf(tokens: readonly string[], scores: readonly number[]): [string, string][] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const found: Merge[] = [];
  for (const [token, id] of ids) {
    const score = scores[id] as number;
    const characters = Array.from(token);
    const merges: Merge[] = [];
    let left = '';
    for (let i = 1; i < characters.length; i++) {
      left += characters[i - 1];
      const right = token.slice(left.length);
      const leftId = ids.get(left);
      if (leftId !== undefined && ids.has(right)) {
        merges.push({ left, right, score, leftId, lengths: [i, characters.length - i] });
      }
    }
    // Two splits of one token have different left parts.
    found.push(...merges.sort((a, b) => a.leftId - b.leftId));
  }
  found.sort((a, b) => b.score - a.score || b.lengths[0] - a.lengths[0] || b.lengths[1] - a.lengths[1]);
  return found.map(({ left, right }) => [left, right]);
}

interface Merge {
  readonly left: string;
  readonly right: string;
  readonly score: number;
  readonly leftId: number;
  /** In characters, of the left and the right part. */
  readonly lengths: readonly [number, number];
}
