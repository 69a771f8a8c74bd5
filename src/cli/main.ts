import { Command, CommanderError } from 'commander';
import { version } from '#platform';
import { DeviceLostError, GpuError, UserError } from '../gpu/errors.ts';
import { ensureAdapter } from './adapter.ts';
import { type CommandDefinition, Context, Interrupted } from './command.ts';
import { COMMANDS, type CommandEntry } from './commands.ts';
import { addGpuOptions, gpuChoice } from './gpu_options.ts';

const DONE = 0;
const FAILED = 1;
const USERS_MISTAKE = 2;

const modules = import.meta.glob<{ command: CommandDefinition }>('./commands/*.ts');

/** Runs one command line (without `node` and the script). @returns the exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('trimtab')
    .description(
      'Steer a frozen language model with one learned vector per layer, trained by reinforcement learning on WebGPU.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 a mistake in what was asked for.\nStart with `trimtab demo`.',
    )
    .exitOverride();

  const words = argv.filter((word) => !word.startsWith('-'));
  const called = words[0] === 'help' ? words[1] : words[0];
  const wantsHelp = words[0] === 'help' || argv.some((word) => word === '--help' || word === '-h');
  let code = DONE;
  for (const entry of COMMANDS) {
    const load = modules[`./commands/${entry.name}.ts`];
    if (!load) continue;
    const command = program.command(entry.name).description(entry.summary);
    if (entry.name !== called) continue;
    if (entry.gpu && !wantsHelp) {
      const codeOfSecondProcess = await ensureAdapter();
      if (codeOfSecondProcess !== undefined) return codeOfSecondProcess;
    }
    configure(command, entry, (await load()).command, (result) => {
      code = result;
    });
  }
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? DONE : USERS_MISTAKE;
  }
  return code;
}

function configure(
  command: Command,
  entry: CommandEntry,
  definition: CommandDefinition,
  done: (code: number) => void,
): void {
  definition.configure?.(command);
  if (entry.gpu) addGpuOptions(command);
  const examples = definition.examples.map(([line, what]) => `  ${line}\n      ${what}`);
  command
    .option('--json', 'print JSON and nothing else on standard output')
    .allowExcessArguments(false)
    .showHelpAfterError(`See \`trimtab ${entry.name} --help\`.`)
    .addHelpText('after', `\nExamples:\n${examples.join('\n')}`)
    .action(async () => {
      const options = command.opts();
      const context = new Context(options.json === true, gpuChoice(options));
      try {
        done((await definition.run(context, options, command.args)) ?? DONE);
      } finally {
        context.close();
      }
    });
}

function report(error: unknown): number {
  if (error instanceof Interrupted) {
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof UserError) {
    process.stderr.write(`error: ${error.message}\n`);
    return USERS_MISTAKE;
  }
  const message = error instanceof Error ? error.message : String(error);
  const known = error instanceof GpuError || error instanceof DeviceLostError;
  const advice = known
    ? '`trimtab doctor` shows the adapter and its driver.'
    : 'This is a mistake in trimtab itself: please report it, with the command line and what `trimtab doctor` prints.';
  process.stderr.write(
    `error: ${message}\n${advice}${process.env.TRIMTAB_DEBUG ? '' : ' TRIMTAB_DEBUG=1 adds the stack.'}\n`,
  );
  if (process.env.TRIMTAB_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return FAILED;
}

/** Ends the process although Dawn may still hold it, after all output has been taken. */
async function end(code: number): Promise<never> {
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((taken) => stream.write('', taken))));
  process.exit(code);
}

for (const stream of [process.stdout, process.stderr]) {
  // Whoever reads has gone, as with `| head`.
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? DONE : FAILED));
}
process.on('uncaughtException', (error) => void end(report(error)));
process.on('unhandledRejection', (error) => void end(report(error)));
await end(await main(process.argv.slice(2)).catch(report));
