import { describe, expect, it } from 'vitest';
import { createGPU, isNode, openFile, openFolder, readFile, version } from '#platform';
import { UserError } from '../../src/gpu/errors.ts';
import { hasShared, repositoryPath, sharedPath } from '../setup/files.ts';

describe('a folder', () => {
  it('opens its files by name, and has none of another name', async () => {
    const folder = await openFolder(repositoryPath('models/demo'));
    expect(folder.name).toBe('demo');
    const config = await folder.open('config.json');
    const bytes = await config!.read(0, config!.size);
    expect(bytes.length).toBe(config!.size);
    expect(JSON.parse(new TextDecoder().decode(bytes))).toHaveProperty('hidden_size');
    await config!.close();
    expect(await folder.open('nothing.json')).toBeUndefined();
  });
});

describe('a file', () => {
  it('is read in pieces that end where it ends', async () => {
    const whole = await readFile(repositoryPath('package.json'));
    const file = await openFile(repositoryPath('package.json'));
    expect(file.name).toBe('package.json');
    expect(file.size).toBe(whole.length);
    expect(await file.read(2, 6)).toEqual(whole.slice(2, 8));
    expect(await file.read(file.size - 3, 100)).toEqual(whole.slice(-3));
    expect(await file.read(file.size, 5)).toEqual(new Uint8Array(0));
    expect(await file.read(file.size + 7, 5)).toEqual(new Uint8Array(0));
    await file.close();
    expect(JSON.parse(new TextDecoder().decode(whole)).version).toBe(version);
  });

  it.skipIf(!hasShared)('of a hundred megabytes is read in pieces too', async () => {
    const file = await openFile(sharedPath('models/SmolLM2-135M-Instruct.Q4_1.gguf'));
    expect(file.size).toBeGreaterThan(50e6);
    expect(new TextDecoder().decode(await file.read(0, 4))).toBe('GGUF');
    const tail = await file.read(file.size - 100, 1000);
    expect(tail.length).toBe(100);
    expect(await file.read(file.size - 60, 60)).toEqual(tail.slice(40));
    await file.close();
  });

  it('that is missing is named in the message', async () => {
    const missing = openFile(repositoryPath('models/demo/nothing.gguf'));
    await expect(missing).rejects.toThrow(UserError);
    await expect(missing).rejects.toThrow(/There is no .*models\/demo\/nothing\.gguf/);
  });
});

describe('createGPU', () => {
  it('gives one instance for the same toggles', async () => {
    expect(await createGPU()).toBe(await createGPU());
  });

  it('takes toggles where they can be had, and refuses them elsewhere', async () => {
    const toggled = createGPU({ toggles: ['disable_robustness'] });
    if (isNode) expect(await toggled).not.toBe(await createGPU());
    else await expect(toggled).rejects.toThrow(/disable_robustness.*only Node/);
  });
});
