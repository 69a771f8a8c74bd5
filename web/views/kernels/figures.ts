/** Three digits; nothing for what was not measured. */
export function significant(value: number | null | undefined): string {
  if (value === null || value === undefined) return '';
  return Number(value.toPrecision(3)).toString();
}
