import { GpuError } from './errors.ts';
import type { DType } from './tensor.ts';

const COMMON = import.meta.glob('../../shaders/common/*.wgsl', {
  query: '?raw',
  import: 'default',
  eager: true,
}) as Record<string, string>;

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
 * The one declaration of a kernel: the prelude of its WGSL, the bytes of its uniforms, its bind group layout and its
 * row in benchmarks all come from here.
 *
 * A binding is `'read array<vec4f>'`, `'read_write array<f32>'` or `'read weight'`: the last is a matrix in the blocked
 * layout, of the dtype that the bound tensor has, read through the generated `NAME_block(i) -> mat4x4f` (column r of
 * the result is row r of block i) and `NAME_row(i, r) -> vec4f`.
 */
export interface KernelDeclaration<
  P extends Readonly<Record<string, ParamType>> = Readonly<Record<string, ParamType>>,
  C extends Constants = Constants,
> {
  readonly name: string;
  readonly source: string;
  readonly entry: string;
  readonly include?: readonly string[];
  readonly bindings: Readonly<Record<string, string>>;
  readonly params: P;
  readonly constants?: C;
  readonly features?: readonly ('f16' | 'subgroups')[];
  readonly workgroup: number;
  readonly cost: (params: { readonly [K in keyof P]: number }, constants: { readonly [K in keyof C]: C[K] }) => Cost;
}

export interface Kernel extends KernelDeclaration {
  readonly bindingNames: readonly string[];
  readonly paramNames: readonly string[];
}

const registry = new Map<string, Kernel>();

/** Registers a kernel under its unique name. */
export function defineKernel<const P extends Readonly<Record<string, ParamType>>, const C extends Constants>(
  declaration: KernelDeclaration<P, C>,
): Kernel {
  const bindingNames = Object.keys(declaration.bindings);
  if (bindingNames.length > 8)
    throw new Error(`${declaration.name}: ${bindingNames.length} storage bindings, 8 are portable`);
  const kernel = { ...declaration, bindingNames, paramNames: Object.keys(declaration.params) } as unknown as Kernel;
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

/** For tests: runs work with a shorter line, so that small inputs are folded as only huge ones are otherwise. */
export async function withShortLine<T>(workgroups: number, work: () => Promise<T>): Promise<T> {
  line = workgroups;
  try {
    return await work();
  } finally {
    line = LINE;
  }
}

export type WeightTypes = Readonly<Record<string, DType>>;

/** The whole WGSL of one variant: directives, constants, `Params`, bindings, common modules, the shader itself. */
export function assemble(kernel: Kernel, constants: Constants, weights: WeightTypes): string {
  const lines: string[] = [];
  for (const feature of kernel.features ?? []) lines.push(`enable ${feature};`);
  lines.push(`// ${kernel.name}`);
  for (const [name, value] of Object.entries({ ...kernel.constants, ...constants })) {
    lines.push(`const ${name} = ${constant(value)};`);
  }
  const fields = kernel.paramNames.map((name) => `  ${name}: ${kernel.params[name]},`);
  lines.push('struct Params {', ...(fields.length > 0 ? fields : ['  unused: u32,']), '}');
  lines.push('@group(0) @binding(0) var<uniform> params: Params;');
  if (Object.values(kernel.bindings).some((b) => b.endsWith(' weight'))) lines.push(WEIGHT_TYPES);
  kernel.bindingNames.forEach((name, i) => {
    const [access, ...rest] = (kernel.bindings[name] as string).split(' ');
    const type = rest.join(' ');
    const at = `@group(0) @binding(${i + 1}) var<storage, ${access}> ${name}:`;
    if (type === 'weight') lines.push(`${at} ${weightStorage(weights[name])};`, weightAccess(name, weights[name]));
    else lines.push(`${at} ${type};`);
  });
  for (const name of kernel.include ?? []) {
    const text = COMMON[`../../shaders/common/${name}.wgsl`];
    if (text === undefined) throw new GpuError(`${kernel.name} includes common/${name}.wgsl, which does not exist`);
    lines.push(text.trimEnd());
  }
  return `${lines.join('\n')}\n\n${kernel.source}`;
}

function constant(value: number | boolean | string): string {
  if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? `${value}u` : `${value}f`;
  return String(value);
}

/** Blocks of 4 x 4 elements: one bounds check for 16 numbers, and one layout for `x Wᵀ` and `dy W`. */
const WEIGHT_TYPES = 'struct HalfBlock { lo: vec4u, hi: vec4u }';

function weightStorage(dtype: DType | undefined): string {
  return dtype === 'f32' ? 'array<mat4x4f>' : 'array<HalfBlock>';
}

function weightAccess(name: string, dtype: DType | undefined): string {
  if (dtype === 'f32') {
    return `fn ${name}_block(i: u32) -> mat4x4f { return ${name}[i]; }
fn ${name}_row(i: u32, r: u32) -> vec4f { return ${name}[i][r]; }`;
  }
  const decode =
    dtype === 'bf16'
      ? `fn ${name}_decode(a: u32, b: u32) -> vec4f { return bitcast<vec4f>(vec4u(a * 65536u, a & 0xffff0000u, b * 65536u, b & 0xffff0000u)); }`
      : `fn ${name}_decode(a: u32, b: u32) -> vec4f { return vec4f(unpack2x16float(a), unpack2x16float(b)); }`;
  return `${decode}
fn ${name}_block(i: u32) -> mat4x4f {
  let b = ${name}[i];
  return mat4x4f(${name}_decode(b.lo.x, b.lo.y), ${name}_decode(b.lo.z, b.lo.w), ${name}_decode(b.hi.x, b.hi.y), ${name}_decode(b.hi.z, b.hi.w));
}
fn ${name}_row(i: u32, r: u32) -> vec4f {
  let b = ${name}[i];
  let half = select(b.lo, b.hi, r >= 2u);
  let pair = select(half.xy, half.zw, (r & 1u) == 1u);
  return ${name}_decode(pair.x, pair.y);
}`;
}
