import { isQuantised, type WeightType } from './blocks.ts';
import { GpuError } from './errors.ts';

const INCLUDED = import.meta.glob('../../shaders/{common,weights}/*.wgsl', {
  query: '?raw',
  import: 'default',
  eager: true,
}) as Record<string, string>;

/** What a kernel may need of an adapter, by the names in `Capabilities`. */
type KernelFeature = 'f16' | 'subgroups' | 'subgroupMatrix';

/** As WGSL enables it. */
const EXTENSIONS: Readonly<Record<KernelFeature, string>> = {
  f16: 'f16',
  subgroups: 'subgroups',
  subgroupMatrix: 'chromium_experimental_subgroup_matrix',
};

export type ParamType = 'u32' | 'i32' | 'f32';
export type Params = Readonly<Record<string, number>>;
/** WGSL `const`s of a variant: integers become u32, other numbers f32, strings are written as they are. */
export type Constants = Readonly<Record<string, number | boolean | string>>;

/** What one dispatch needs at the least: floating-point operations, and bytes read and written once each. */
export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

/**
 * A file of shaders/common/; of a pair, the one that a constant of the variant decides; or a file once for each of some
 * buffers, whose name stands in place of BUFFER.
 */
export type Include =
  | string
  | { readonly when: string; readonly use: string; readonly otherwise: string }
  | { readonly use: string; readonly each: readonly string[] };

/**
 * The one declaration of a kernel: the prelude of its WGSL, the bytes of its uniforms, its bind group layout and its
 * row in benchmarks all come from here.
 *
 * A binding is `'read array<vec4f>'`, `'read_write array<f32>'` or `weight: 'read weight'`: the last is a matrix in the
 * blocked layout, of the dtype that the bound tensor has, read through `weight_block(i) -> mat4x4f` (column r of the
 * result is row r of block i) and `weight_row(i, r) -> vec4f` of shaders/weights/. As `'read weight rows'` it has the latter
 * alone, which then reads no more than that row of the block.
 */
export interface KernelDeclaration<
  P extends Readonly<Record<string, ParamType>> = Readonly<Record<string, ParamType>>,
  C extends Constants = Constants,
> {
  readonly name: string;
  readonly source: string;
  readonly entry: string;
  readonly include?: readonly Include[];
  readonly bindings: Readonly<Record<string, string>>;
  readonly params: P;
  readonly constants?: C;
  /** Every combination of constants that its launchers give, each over `constants`; of sizes that follow a model, one of each kind. */
  readonly variants?: readonly Constants[];
  readonly features?: readonly KernelFeature[];
  readonly workgroup: number;
  /** `at most`: the work depends on data, and `cost` takes it to be the most that it can be. */
  readonly costs?: 'at most';
  readonly cost: (params: { readonly [K in keyof P]: number }, constants: { readonly [K in keyof C]: C[K] }) => Cost;
}

/** A declaration with what recording looks at, laid out so that a dispatch costs little. */
export interface Kernel extends KernelDeclaration {
  readonly bindingNames: readonly string[];
  readonly paramNames: readonly string[];
  /** Of each param, whether it is an f32. */
  readonly paramFloats: readonly boolean[];
  readonly constantNames: readonly string[];
  readonly constantValues: readonly (number | boolean | string)[];
  readonly readsWeight: boolean;
}

const registry = new Map<string, Kernel>();

/** Registers a kernel under its unique name. */
export function defineKernel<const P extends Readonly<Record<string, ParamType>>, const C extends Constants>(
  declaration: KernelDeclaration<P, C>,
): Kernel {
  const bindingNames = Object.keys(declaration.bindings);
  if (bindingNames.length > 8)
    throw new Error(`${declaration.name}: ${bindingNames.length} storage bindings, 8 are portable`);
  const kernel = {
    ...declaration,
    bindingNames,
    paramNames: Object.keys(declaration.params),
    paramFloats: Object.values(declaration.params).map((type) => type === 'f32'),
    constantNames: Object.keys(declaration.constants ?? {}),
    constantValues: Object.values(declaration.constants ?? {}),
    readsWeight: declaration.bindings.weight?.startsWith('read weight') ?? false,
  } as unknown as Kernel;
  registry.set(declaration.name, kernel);
  return kernel;
}

/** Every kernel whose module has been imported, in order of definition. */
export function definedKernels(): Kernel[] {
  return [...registry.values()];
}

/** WebGPU's own limit of workgroups in one direction. */
const LINE = 65535;
let line = LINE;

/** Workgroup counts for `n` workgroups in one line: x stays under the limit of 65,535, the rest goes to y. */
export function foldGrid(n: number): [number, number, number] {
  if (n <= line) return [n, n === 0 ? 0 : 1, 1];
  const y = Math.ceil(n / line);
  return [Math.ceil(n / y), y, 1];
}

/** The same for workgroups of `size` lanes that are `lanes` in all. */
export function laneGrid(lanes: number, size: number): [number, number, number] {
  return foldGrid(Math.ceil(lanes / size));
}

/** For tests: runs work with a shorter line, so that small inputs are folded as only huge ones are otherwise. */
export async function withShortLine<T>(workgroups: number, work: () => Promise<T>): Promise<T> {
  line = workgroups;
  try {
    return await work();
  } finally {
    line = LINE;
  }
}

/**
 * The whole WGSL of one variant: directives, constants, `Params`, bindings, common modules, the shader itself.
 * @param weight type of the frozen matrix, for a kernel that has one
 */
export function assemble(kernel: Kernel, constants: Constants, weight?: WeightType): string {
  const lines: string[] = [];
  for (const feature of kernel.features ?? []) lines.push(`enable ${EXTENSIONS[feature]};`);
  // What is uniform in a subgroup alone, such as which of a workgroup's subgroups it is, no rule of WGSL can tell yet.
  if (kernel.features?.includes('subgroupMatrix')) {
    lines.push('diagnostic(off, chromium.subgroup_matrix_uniformity);');
  }
  lines.push(`// ${kernel.name}`);
  const values = { ...kernel.constants, ...constants };
  for (const [name, value] of Object.entries(values)) {
    lines.push(`const ${name} = ${constant(value)};`);
  }
  const fields = kernel.paramNames.map((name) => `  ${name}: ${kernel.params[name]},`);
  lines.push('struct Params {', ...(fields.length > 0 ? fields : ['  unused: u32,']), '}');
  lines.push('@group(0) @binding(0) var<uniform> params: Params;');
  kernel.bindingNames.forEach((name, i) => {
    const [access, ...rest] = (kernel.bindings[name] as string).split(' ');
    const type = WEIGHT_BINDINGS[rest.join(' ')] ?? rest.join(' ');
    lines.push(`@group(0) @binding(${i + 1}) var<storage, ${access}> ${name}: ${type};`);
  });
  if (weight)
    for (const name of weightModules(weight, kernel.bindings.weight === 'read weight rows'))
      lines.push(included(kernel, `weights/${name}`));
  for (const file of kernel.include ?? []) {
    if (typeof file === 'string') lines.push(included(kernel, `common/${file}`));
    else if ('when' in file) lines.push(included(kernel, `common/${values[file.when] ? file.use : file.otherwise}`));
    else
      for (const buffer of file.each) lines.push(included(kernel, `common/${file.use}`).replaceAll('BUFFER', buffer));
  }
  return `${lines.join('\n')}\n\n${kernel.source}`;
}

/** All that any variant of a kernel is made of, with a weight of any type: it changes where a pipeline may. */
export function textOf(kernel: Kernel): string {
  const { name, entry, bindings, params, constants, variants, features, source, include = [] } = kernel;
  const files = include.flatMap((file) => {
    if (typeof file === 'string') return [file];
    return 'when' in file ? [file.use, file.otherwise] : [file.use];
  });
  const decoders = Object.keys(INCLUDED).filter((path) => kernel.readsWeight && path.includes('/weights/'));
  return [
    JSON.stringify({ name, entry, bindings, params, constants, variants, features, include }),
    ...files.map((file) => included(kernel, `common/${file}`)),
    ...decoders.map((path) => INCLUDED[path]),
    source,
  ].join('\n');
}

function included(kernel: Kernel, name: string): string {
  const text = INCLUDED[`../../shaders/${name}.wgsl`];
  if (text === undefined) throw new GpuError(`${kernel.name} includes ${name}.wgsl, which does not exist`);
  return text.trimEnd();
}

/** How a frozen matrix is bound: as blocks, or as what a row of a block is read from. */
const WEIGHT_BINDINGS: Readonly<Record<string, string>> = {
  weight: 'array<WeightTile>',
  'weight rows': 'array<WeightRows>',
};

/** How blocks of a type are read: its own file, and what several types have in common. */
function weightModules(type: WeightType, rows: boolean): string[] {
  if (isQuantised(type)) return [type, ...(/^q[45]_k/.test(type) ? ['k_scales'] : []), 'quants'];
  return type === 'f32' ? [type] : [type, rows ? 'half_rows' : 'half'];
}

function constant(value: number | boolean | string): string {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? `${value}u` : `${value}f`;
  return String(value);
}
