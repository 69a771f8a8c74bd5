/** Nats from which on a token counts as likelier, clearly so, and much likelier. */
const SHADES = [0.1, 0.7, 2] as const;

/** How much likelier the vectors made a token: −3 to 3, 0 for hardly. */
export function shadeOf(delta: number | undefined): number {
  if (delta === undefined || !Number.isFinite(delta)) return 0;
  return Math.sign(delta) * SHADES.filter((from) => Math.abs(delta) >= from).length;
}

/** The place of the first token that two texts do not share; undefined while one goes on where the other ends so far. */
export function parting(
  a: readonly { readonly id: number }[],
  b: readonly { readonly id: number }[],
): number | undefined {
  const at = a.findIndex(({ id }, i) => b[i] !== undefined && b[i].id !== id);
  return at < 0 ? undefined : at;
}
