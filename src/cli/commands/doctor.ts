import { join } from 'node:path';
import { createGPU, version } from '#platform';
import { formatBytes } from '../../gpu/bytes.ts';
import { isSoftwareAdapter } from '../../gpu/open_device.ts';
import { hasSwiftShader } from '../../gpu/swiftshader.node.ts';
import { allVariants } from '../../kernels/index.ts';
import { onFallbackAdapter } from '../adapter.ts';
import { type Context, defineCommand } from '../command.ts';
import { writeInFolder } from '../output_files.ts';

/** The features that kernels have variants for, and what they are good for. */
const FEATURES: readonly (readonly [name: string, use: string])[] = [
  ['shader-f16', 'half-precision weights are read as they are'],
  ['subgroups', 'reductions and broadcasts without workgroup memory'],
  ['timestamp-query', 'times per kernel in `trimtab bench`'],
  ['chromium-experimental-subgroup-matrix', 'matrix units'],
];

const LIMITS: readonly (readonly [name: keyof GPUSupportedLimits, what: string, unit: 'bytes' | 'count'])[] = [
  ['maxStorageBufferBindingSize', 'one storage binding', 'bytes'],
  ['maxBufferSize', 'one buffer', 'bytes'],
  ['maxStorageBuffersPerShaderStage', 'storage buffers a kernel', 'count'],
  ['maxComputeInvocationsPerWorkgroup', 'threads a workgroup', 'count'],
  ['maxComputeWorkgroupStorageSize', 'workgroup memory', 'bytes'],
  ['maxComputeWorkgroupsPerDimension', 'workgroups a dimension', 'count'],
];

interface AdapterReport {
  readonly name: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly driver: string;
  readonly software: boolean;
  readonly source: 'machine' | 'npm';
  readonly subgroups?: readonly [min: number, max: number];
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

export const command = defineCommand<{ dumpWgsl?: string }>({
  examples: [
    ['trimtab doctor', 'the adapter that training would run on'],
    ['trimtab doctor --json', 'the same for a script or a bug report'],
    ['TRIMTAB_ADAPTER=native trimtab doctor', 'without the fallback to SwiftShader'],
    ['trimtab doctor --dump-wgsl wgsl', 'every shader as the compiler gets it, one file each'],
  ],
  configure(command) {
    command.option(
      '--dump-wgsl <folder>',
      'write every assembled shader there, also those that this adapter lacks a feature for',
    );
  },
  async run(context, options) {
    if (options.dumpWgsl !== undefined) return dumpShaders(context, options.dumpWgsl);
    const adapter = await (await createGPU()).requestAdapter({ powerPreference: 'high-performance' });
    const report = adapter && describe(adapter);
    const advice = report && !report.software ? [] : adviceFor(process.platform, report);
    const { platform, arch, version: node } = process;
    context.printJson({ trimtab: version, node, platform, arch, adapter: report, advice });
    context.print(`trimtab ${version}, Node ${node}, ${platform} ${arch}\n`);
    if (report) print(context, report);
    else context.print('No WebGPU adapter: nothing here can compute.');
    if (advice.length > 0) {
      context.print(report ? '\nThis is software. For a faster adapter:' : '\nWhat helps:');
      for (const line of advice) context.print(`  - ${line}`);
    }
    return report ? 0 : 2;
  },
});

/** Needs no adapter: what is written does not depend on it. */
async function dumpShaders(context: Context, folder: string): Promise<void> {
  const variants = allVariants();
  for (const { name, wgsl } of variants) await writeInFolder(join(folder, `${name}.wgsl`), wgsl);
  context.print(`${variants.length} shaders are in ${folder}`);
  context.printJson({
    folder,
    shaders: variants.map(({ name, kernel }) => ({ name, features: kernel.features ?? [] })),
  });
}

function describe(adapter: GPUAdapter): AdapterReport {
  const { info, limits } = adapter;
  const { subgroupMinSize: min, subgroupMaxSize: max } = info;
  return {
    name: info.device || info.description || `${info.vendor} ${info.architecture}`,
    vendor: info.vendor,
    architecture: info.architecture,
    driver: info.description,
    software: isSoftwareAdapter(info),
    source: onFallbackAdapter() ? 'npm' : 'machine',
    ...(adapter.features.has('subgroups') && min !== undefined && max !== undefined ? { subgroups: [min, max] } : {}),
    features: [...adapter.features].sort(),
    limits: Object.fromEntries(LIMITS.map(([name]) => [name, Number(limits[name])])),
  };
}

function print(context: Context, report: AdapterReport): void {
  const row = (name: string, value: string) => context.print(`${name.padEnd(12)}${value}`);
  row('adapter', report.name);
  row('driver', report.driver || 'not told');
  row('vendor', [report.vendor, report.architecture].filter(Boolean).join(', '));
  row('kind', report.software ? 'software: it computes on the CPU' : 'hardware');
  row(
    'from',
    report.source === 'npm'
      ? 'npm (@sparticuz/chromium), as this machine offers no adapter of its own'
      : 'this machine',
  );
  if (report.subgroups) {
    const [min, max] = report.subgroups;
    row('subgroups', min === max ? `of ${min}` : `of ${min} to ${max}`);
  }
  context.print('\nfeatures');
  for (const [name, use] of FEATURES)
    context.print(`  ${report.features.includes(name) ? 'yes' : 'no '}  ${name}: ${use}`);
  context.print('\nlimits');
  for (const [name, what, unit] of LIMITS) {
    const value = report.limits[name] ?? 0;
    context.print(`  ${(unit === 'bytes' ? formatBytes(value) : String(value)).padStart(10)}  ${what}`);
  }
}

function adviceFor(platform: NodeJS.Platform, found: AdapterReport | null): string[] {
  if (platform === 'darwin')
    return ['macOS offers Metal to every process: outside of a virtual machine an adapter is always there.'];
  if (platform === 'win32')
    return ['Install the GPU maker’s own driver: Windows’ basic display driver has no Direct3D 12.'];
  const onLavapipe = found !== null && /llvmpipe|lavapipe/i.test(found.name);
  return [
    'NVIDIA: the maker’s driver (535 or newer) with its Vulkan part, and libvulkan1. In a container pass the GPU with ' +
      'NVIDIA_DRIVER_CAPABILITIES=all: without "graphics" there is no Vulkan.',
    'AMD and Intel: mesa-vulkan-drivers and libvulkan1 (Mesa 23 or newer; on Debian 12 take it from bookworm-backports).',
    ...(onLavapipe
      ? []
      : [
          'No GPU: that same package carries lavapipe, on the CPU: up to twice as fast as SwiftShader in products; single tokens about alike.',
        ]),
    'Then `ls /usr/share/vulkan/icd.d` lists the drivers; VK_DRIVER_FILES names one of them to use it alone.',
    ...(found ? [] : [withoutAny()]),
  ];
}

function withoutAny(): string {
  if (!hasSwiftShader())
    return 'On Linux x64 `npm ci` without --omit=optional installs SwiftShader, which needs nothing else.';
  return 'SwiftShader is installed and needs nothing else: unset TRIMTAB_ADAPTER, or set it to swiftshader.';
}
