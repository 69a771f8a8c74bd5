import * as v from 'valibot';

/** What a value is entered as: `options` are those of a choice; `text` stands for itself, `yaml` for a list, a map or a size. */
export type FieldKind = 'integer' | 'number' | 'flag' | 'choice' | 'text' | 'yaml';

/** What a field is for, and what its values have to be: the texts of `--help`, of the documentation and of the errors. */
export interface Note {
  expected: string;
  description: string;
  kind: FieldKind;
  options?: readonly string[];
}

export type Entry<S extends v.GenericSchema> = v.SchemaWithPipe<
  readonly [S, v.MetadataAction<v.InferOutput<S>, Note & Record<string, unknown>>]
>;

export function note<S extends v.GenericSchema>(
  schema: S,
  kind: FieldKind,
  expected: string,
  description: string,
  options?: readonly string[],
): Entry<S> {
  return v.pipe(
    schema,
    v.metadata({ expected, description, kind, ...(options && { options }) }),
  ) as unknown as Entry<S>;
}

export function choice<const T extends string>(options: readonly T[], fallback: T, description: string) {
  const schema = v.optional(v.picklist(options), fallback);
  return note(schema, 'choice', `one of ${options.join(', ')}`, description, options);
}

export function integer(low: number, fallback: number, description: string) {
  const schema = v.pipe(v.number(), v.safeInteger(), v.minValue(low));
  return note(v.optional(schema, fallback), 'integer', `a whole number of at least ${low}`, description);
}

/** A list of paths in YAML is the same as one text with commas. */
export function files(description: string) {
  const name = v.pipe(v.string(), v.minLength(1));
  const list = v.pipe(
    v.array(name),
    v.minLength(1),
    v.transform((names) => names.join(',')),
  );
  return note(v.optional(v.union([name, list])), 'yaml', 'a path, or a list of paths', description);
}

export function positive(fallback: number, description: string) {
  const schema = v.pipe(v.number(), v.finite(), v.gtValue(0));
  return note(v.optional(schema, fallback), 'number', 'a number above 0', description);
}

export function atLeastZero(fallback: number, description: string) {
  const schema = v.pipe(v.number(), v.finite(), v.minValue(0));
  return note(v.optional(schema, fallback), 'number', 'a number of at least 0', description);
}

export function fraction(fallback: number, description: string) {
  const schema = v.pipe(v.number(), v.minValue(0), v.ltValue(1));
  return note(v.optional(schema, fallback), 'number', 'a number from 0 to below 1', description);
}

export function flag(fallback: boolean, description: string) {
  return note(v.optional(v.boolean(), fallback), 'flag', 'true or false', description);
}

export function text(description: string) {
  return note(v.optional(v.pipe(v.string(), v.minLength(1))), 'text', 'a text', description);
}
