/**
 * DAPO's soft overlong punishment (Yu et al., arXiv 2503.14476, equation 13), as TRL's `get_soft_overlong_punishment`: 0 up
 * to `soft_punish_cache` tokens before `max_completion_length`, then falling linearly to -1.
 * @param length tokens of a completion
 */
export function overlongPenalty(
  length: number,
  {
    max_completion_length: max,
    soft_punish_cache: cache,
  }: { max_completion_length: number; soft_punish_cache: number },
): number {
  if (cache === 0 || length <= max - cache) return 0;
  return Math.max(-1, (max - cache - length) / cache);
}
