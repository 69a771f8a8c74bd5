import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir, tmpdir, userInfo } from 'node:os';
import { delimiter, dirname, isAbsolute, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { UserError } from './errors.ts';

/** The npm package that carries SwiftShader (Vulkan on the CPU) and a headless Chromium, for Linux x64. */
const PACKAGE = '@sparticuz/chromium';

type Environment = Readonly<Record<string, string | undefined>>;

/** How to start a Chrome that has WebGPU; spread into Playwright's launch options. */
interface ChromeLaunch {
  readonly executablePath?: string;
  /** Playwright's name for an installed browser, where no path is known. */
  readonly channel?: string;
  readonly env?: Record<string, string>;
  readonly args: string[];
}

/** True where the package runs and is installed (it is an optional dependency). */
export function hasSwiftShader(): boolean {
  return packageFolder() !== undefined;
}

/**
 * The environment in which Dawn finds SwiftShader, unpacked on first use. A process must start with it: the dynamic
 * loader reads LD_LIBRARY_PATH only then.
 *
 * @throws UserError where the package is not for this system, or not installed.
 */
export async function swiftShaderEnvironment(env: Environment = process.env): Promise<Record<string, string>> {
  const folder = await unpacked('swiftshader', env);
  const driver = join(folder, 'vk_swiftshader_icd.json');
  return {
    LD_LIBRARY_PATH: [folder, env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
    // The old name and the new one, which goes before it.
    VK_ICD_FILENAMES: driver,
    VK_DRIVER_FILES: driver,
    XDG_RUNTIME_DIR: env.XDG_RUNTIME_DIR || folder,
  };
}

/**
 * Whether the Vulkan loader would find a driver: one named by the environment, or a manifest in the folders that it
 * searches. Where it would, the native adapter deserves a try before SwiftShader. Other systems than Linux have
 * Metal or Direct3D, and always deserve it.
 */
export function mayHaveNativeAdapter(env: Environment = process.env): boolean {
  if (process.platform !== 'linux') return true;
  if (env.VK_ICD_FILENAMES || env.VK_DRIVER_FILES || env.VK_ADD_DRIVER_FILES) return true;
  const roots = [
    '/etc',
    '/usr/local/etc',
    env.XDG_CONFIG_HOME || join(homedir(), '.config'),
    env.XDG_DATA_HOME || join(homedir(), '.local/share'),
    ...(env.XDG_CONFIG_DIRS || '/etc/xdg').split(':'),
    ...(env.XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(':'),
  ];
  return roots.some((root) => {
    try {
      return readdirSync(join(root, 'vulkan/icd.d')).some((file) => file.endsWith('.json'));
    } catch {
      return false;
    }
  });
}

/**
 * The Chrome that tests run in: TRIMTAB_CHROME (with TRIMTAB_CHROME_ARGS, separated by spaces) where that is set, the
 * package's Chromium with SwiftShader on Linux x64, and elsewhere the installed Google Chrome.
 */
export async function chromeForTests(env: Environment = process.env): Promise<ChromeLaunch> {
  const args = [
    ...[
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
    '--enable-unsafe-webgpu',
  ];
  const chosen = env.TRIMTAB_CHROME_ARGS?.split(/\s+/).filter(Boolean) ?? [];
  const installed = env.TRIMTAB_CHROME;
  if (installed || !hasSwiftShader()) {
    if (installed && !existsSync(installed))
      throw new UserError(`TRIMTAB_CHROME names ${installed}, and there is no such file`);
    // On Linux Chrome has WebGPU behind this flag only.
    if (process.platform === 'linux') args.push('--no-sandbox', '--enable-features=Vulkan');
    return { ...(installed ? { executablePath: installed } : { channel: 'chrome' }), args: [...args, ...chosen] };
  }
  const folder = await unpacked('chromium', env);
  return {
    executablePath: join(folder, 'chromium'),
    env: {
      ...defined(env),
      LD_LIBRARY_PATH: [join(folder, 'lib'), folder].join(delimiter),
      VK_ICD_FILENAMES: join(folder, 'vk_swiftshader_icd.json'),
      VK_DRIVER_FILES: join(folder, 'vk_swiftshader_icd.json'),
      XDG_RUNTIME_DIR: env.XDG_RUNTIME_DIR || folder,
    },
    // SwiftShader all the way: with only the adapter on it, a WebGPU canvas kills Chrome's GPU process.
    args: [
      ...args,
      '--no-sandbox',
      '--use-webgpu-adapter=swiftshader',
      '--use-vulkan=swiftshader',
      '--use-angle=swiftshader',
      '--enable-features=Vulkan,VulkanFromANGLE,DefaultANGLEVulkan',
      '--disable-vulkan-surface',
      ...chosen,
    ],
  };
}

function defined(env: Environment): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function packageFolder(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  try {
    // The package exports its entry point alone, which lies two folders below its root.
    return join(dirname(createRequire(import.meta.url).resolve(PACKAGE)), '../..');
  } catch {
    return undefined;
  }
}

/** SwiftShader alone, or Chromium with the libraries that it needs and SwiftShader beside it, where it looks for it. */
async function unpacked(what: 'swiftshader' | 'chromium', env: Environment): Promise<string> {
  const source = packageFolder();
  if (!source) {
    const why =
      process.platform === 'linux' && process.arch === 'x64'
        ? `The optional package ${PACKAGE} is not installed: run \`npm ci\` without --omit=optional`
        : `SwiftShader comes from ${PACKAGE}, which is for Linux x64, and this is ${process.platform} ${process.arch}`;
    throw new UserError(`${why}.`);
  }
  const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { version: string };
  const home = await cacheFolder(env);
  const target = join(home, `${what}-${version}`);
  if (existsSync(target)) return target;

  // Unpacked beside its place and renamed into it: whoever sees the folder sees all of it, and of several processes
  // that do this at once the first wins.
  const draft = await mkdtemp(`${target}.`);
  try {
    const unbrotli = async (file: string) => promisify(brotliDecompress)(await readFile(join(source, 'bin', file)));
    await untar(await unbrotli('swiftshader.tar.br'), draft);
    if (what === 'chromium') {
      await untar(await unbrotli('al2023.tar.br'), draft);
      await writeFile(join(draft, 'chromium'), await unbrotli('chromium.br'), { mode: 0o755 });
    }
    await chmod(draft, 0o755);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(target)) {
      throw new UserError(
        `${what} from ${PACKAGE} cannot be unpacked into ${home}: ${(error as Error).message}. ` +
          'TRIMTAB_CACHE names another folder for it (15 MB, and 215 MB for the browser of the tests).',
      );
    }
  }
  return target;
}

/** The first folder that can be written: TRIMTAB_CACHE and no other where it is set, the user's cache, the temporary one. */
async function cacheFolder(env: Environment): Promise<string> {
  const candidates = env.TRIMTAB_CACHE
    ? [env.TRIMTAB_CACHE]
    : [join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'trimtab'), join(tmpdir(), `trimtab-${userInfo().uid}`)];
  let failure: unknown;
  for (const folder of candidates) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // Libraries are loaded from here: a folder that somebody else made in a shared place is not to be trusted.
      if ((await stat(folder)).uid !== userInfo().uid) throw new Error('it belongs to another user');
      await rm(await mkdtemp(join(folder, 'probe.')), { recursive: true });
      return folder;
    } catch (error) {
      failure ??= error;
    }
  }
  throw new UserError(
    `${candidates[0]} cannot hold the unpacked SwiftShader: ${(failure as Error).message}. Set TRIMTAB_CACHE to a folder that can.`,
  );
}

/** Unpacks the regular files of a ustar archive (POSIX.1-1988): 512-byte headers, contents padded to 512 bytes. */
async function untar(tar: Buffer, folder: string): Promise<void> {
  const text = (from: number, length: number) => tar.toString('utf8', from, from + length).replace(/\0.*$/s, '');
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const type = text(at + 156, 1);
    const name = join(text(at + 345, 155), text(at, 100));
    if (type === '0' || type === '') {
      const path = join(folder, name);
      const inside = relative(folder, path);
      if (inside.startsWith('..') || isAbsolute(inside))
        throw new Error(`the archive has a file outside of itself: ${name}`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, tar.subarray(at + 512, at + 512 + size), {
        mode: Number.parseInt(text(at + 100, 8), 8) & 0o777,
      });
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
