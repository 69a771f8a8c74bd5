import { describe, expect, it } from 'vitest';
import { hasSwiftShader } from '../../src/gpu/swiftshader.node.ts';
import { trimtab } from './run.ts';

/** As on a machine where nothing of Vulkan is set up by the environment. */
const bare = { LD_LIBRARY_PATH: undefined, VK_ICD_FILENAMES: undefined, VK_DRIVER_FILES: undefined };

describe('the command line', () => {
  it('shows its commands and ends well without arguments', () => {
    const { code, stdout, stderr } = trimtab([]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^ {2}doctor /m);
  });

  it('prints help with examples for a command', () => {
    const { code, stdout } = trimtab(['serve', '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('trimtab serve --port 0 --json');
  });

  it('suggests the nearest command and the nearest option', () => {
    const command = trimtab(['serv']);
    expect(command).toMatchObject({ code: 2, stdout: '' });
    expect(command.stderr).toContain('Did you mean serve?');
    const option = trimtab(['serve', '--prt', '1']);
    expect(option).toMatchObject({ code: 2, stdout: '' });
    expect(option.stderr).toContain('Did you mean --port?');
  });

  it('names the option, the value and what it must be', () => {
    const { code, stderr } = trimtab(['serve', '--port', '70000']);
    expect(code).toBe(2);
    expect(stderr).toContain("'--port <number>' argument '70000' is invalid. It must be from 0 to 65535.");
  });

  it('takes a mistake in the environment for the user’s', () => {
    const { code, stderr } = trimtab(['doctor'], { TRIMTAB_ADAPTER: 'fast' });
    expect(code).toBe(2);
    expect(stderr).toBe('error: TRIMTAB_ADAPTER is "fast"; it can be auto, native or swiftshader\n');
  });
});

describe('trimtab doctor', () => {
  it('describes the adapter as one JSON object', () => {
    const { code, stdout } = trimtab(['doctor', '--json']);
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.adapter.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 * 2 ** 20);
    expect(report.adapter.features).toBeInstanceOf(Array);
  });

  it.skipIf(!hasSwiftShader())('falls back to SwiftShader from npm, and tells what would be faster', () => {
    const { code, stdout } = trimtab(['doctor', '--json'], { ...bare, TRIMTAB_ADAPTER: 'swiftshader' });
    expect(code).toBe(0);
    const { adapter, advice } = JSON.parse(stdout);
    expect(adapter).toMatchObject({ source: 'npm', software: true, architecture: 'swiftshader' });
    expect(advice.length).toBeGreaterThan(0);
  });

  it.skipIf(process.platform !== 'linux')('ends with 2 where there is no adapter at all', () => {
    const none = {
      ...bare,
      TRIMTAB_ADAPTER: 'native',
      VK_DRIVER_FILES: '/nowhere.json',
      VK_ICD_FILENAMES: '/nowhere.json',
    };
    const { code, stdout } = trimtab(['doctor'], none);
    expect(code).toBe(2);
    expect(stdout).toContain('No WebGPU adapter');
  });
});
