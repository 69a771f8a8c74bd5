import type { Command } from 'commander';
import { createGPU } from '#platform';
import type { Device, DeviceOptions } from '../gpu/device.ts';
import { openDevice } from '../gpu/open_device.ts';
import type { GPUOptions } from '../gpu/platform.ts';
import { onFallbackAdapter } from './adapter.ts';
import { type GpuChoice, tuningFor } from './gpu_options.ts';

/** One file of `commands/` exports one of these as `command`; its name and summary stand in `commands.ts`. */
export interface CommandDefinition<Options = Record<string, unknown>> {
  /** Command lines that work as they stand, each with what it does: the end of `--help`. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** Adds arguments and options; `--json` and `--help` are there already. */
  configure?(command: Command): void;
  /** @returns the exit code, 0 when nothing is returned. What it throws decides otherwise: 2 for a UserError, else 1. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most commands return nothing
  run(context: Context, options: Options, args: readonly string[]): Promise<number | undefined | void>;
}

export function defineCommand<Options>(definition: CommandDefinition<Options>): CommandDefinition<Options> {
  return definition;
}

/** Ctrl-C or SIGTERM came: the command ends early, and not by a mistake. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`Interrupted by ${signal === 'SIGINT' ? 'Ctrl-C' : signal}.`);
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}

/** What a command has to do with the process that it runs in. */
export class Context {
  /** Whether `--json` was given: then standard output carries JSON and nothing else. */
  readonly json: boolean;
  /** What has to be said of the result, not of its making: under `--json` it goes into the JSON as `warnings`. */
  readonly warnings: string[] = [];
  /** `--toggles` and `--tuning`, where the command has them. */
  readonly gpuOptions: GpuChoice;
  readonly #devices: Device[] = [];
  #interrupt: AbortController | undefined;
  #told = false;

  constructor(json: boolean, gpuOptions: GpuChoice = {}) {
    this.json = json;
    this.gpuOptions = gpuOptions;
  }

  /** A line for people on standard output; silent under `--json`. */
  print(line = ''): void {
    if (!this.json) process.stdout.write(`${line}\n`);
  }

  /** One JSON value on one line of standard output, under `--json` only; warnings so far are added to an object. */
  printJson(value: object): void {
    const all = this.warnings.length > 0 ? { ...value, warnings: this.warnings } : value;
    if (this.json) process.stdout.write(`${JSON.stringify(all)}\n`);
  }

  /** A remark without which the result would be misread: on standard error, and in the JSON. */
  warn(line: string): void {
    this.warnings.push(line);
    this.note(`warning: ${line}`);
  }

  /** A line on standard error: progress and remarks. */
  note(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  /** Opens the GPU, says so where it is only SwiftShader, and destroys the device when the command has ended. */
  async openDevice(options: DeviceOptions & GPUOptions = {}): Promise<Device> {
    const toggles = this.gpuOptions.toggles ?? [];
    const device = await openDevice(await createGPU({ toggles, ...options }), options);
    this.#devices.push(device);
    device.tuning = await tuningFor(device, this.gpuOptions.tuning ?? 'off', (line) => this.note(line));
    if (onFallbackAdapter() && !this.#told) {
      this.#told = true;
      const forced = process.env.TRIMTAB_ADAPTER === 'swiftshader';
      this.note(
        forced
          ? 'Computing on SwiftShader (on the CPU), as TRIMTAB_ADAPTER asks.'
          : 'No WebGPU adapter on this machine: computing on SwiftShader (on the CPU). `trimtab doctor` tells how to get a faster one.',
      );
    }
    return device;
  }

  /**
   * Aborts on the first Ctrl-C (or SIGTERM), so that the command can save what it has; the second one ends the process
   * at once. Before this is first asked for, Ctrl-C ends the process as usual.
   */
  get signal(): AbortSignal {
    if (!this.#interrupt) {
      const controller = new AbortController();
      this.#interrupt = controller;
      const onSignal = (name: NodeJS.Signals) => {
        const interrupted = new Interrupted(name);
        if (controller.signal.aborted) process.exit(interrupted.exitCode);
        this.note(`\n${name === 'SIGINT' ? 'Ctrl-C' : name}: finishing what is under way; once more ends at once.`);
        controller.abort(interrupted);
      };
      process.on('SIGINT', onSignal);
      process.on('SIGTERM', onSignal);
    }
    return this.#interrupt.signal;
  }

  /** Frees the devices: Dawn may hold the process open otherwise. */
  close(): void {
    for (const device of this.#devices.splice(0)) device.destroy();
  }
}
