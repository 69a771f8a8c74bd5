import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { inWords } from '../../app/engine.ts';
import { copyText } from '../../ui/clipboard.ts';
import {
  checked,
  enter,
  entered,
  enterYaml,
  type FieldName,
  type FieldProblem,
  fieldOf,
  GROUPS,
  MAIN,
  textOf,
  toYaml,
} from './recipe.ts';

const REWARDS = [
  ['correct', 'Right answers', '+1 for the right answer, otherwise −1'],
  ['random', 'Coin flips', 'a control: +1 or −1 by chance, whatever was written'],
  ['format', 'Any box', 'a control: +1 for a box, right or wrong'],
] as const;

/** Names of the fields that are seen first, for those who do not know the configuration. */
const TITLES: Partial<Readonly<Record<FieldName, string>>> = {
  max_steps: 'Training steps',
  num_prompts: 'Problems a step',
  num_generations: 'Answers a problem',
  learning_rate: 'Learning rate',
  eval_size: 'Problems measured',
  seed: 'Seed',
};

/** The recipe: what matters first, and under "All settings" every field of the configuration. */
export function Settings({ refused }: { refused: FieldProblem | undefined }) {
  const problem = checked.value.problem ?? refused;
  const isBelow = Object.values(GROUPS).some((names) => names.includes(problem?.field as FieldName));
  return (
    <div>
      <Reward problem={problem} />
      <div class="numbers">
        {MAIN.map((name) => (
          <Field key={name} name={name} problem={problem} />
        ))}
      </div>
      <Folded class="all" hasProblem={isBelow}>
        <summary>All settings</summary>
        {Object.entries(GROUPS).map(([group, names]) => (
          <Folded key={group} hasProblem={names.includes(problem?.field as FieldName)}>
            <summary>
              {group} <small>{changedIn(names)}</small>
            </summary>
            {names.map((name) => (
              <Field key={name} name={name} problem={problem} explained />
            ))}
          </Folded>
        ))}
        <Yaml />
      </Folded>
      {problem && problem.field === undefined && <p class="problem">{problem.message}</p>}
    </div>
  );
}

interface FoldedProps {
  readonly class?: string;
  readonly hasProblem: boolean;
  readonly children: ComponentChildren;
}

/** Details that a mistake in them opens; what was opened stays so once it is mended. */
function Folded({ hasProblem, ...others }: FoldedProps) {
  const box = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (hasProblem && box.current) box.current.open = true;
  }, [hasProblem]);
  return <details ref={box} {...others} />;
}

function changedIn(names: readonly FieldName[]): string {
  const changed = names.filter((name) => name in entered.value).length;
  return changed > 0 ? `${changed} set` : '';
}

function Reward({ problem }: { problem: FieldProblem | undefined }) {
  const value = entered.value.reward ?? 'correct';
  return (
    <fieldset class="rewards">
      <legend>Reward</legend>
      {REWARDS.map(([name, title, note]) => (
        <label key={name}>
          <input
            type="radio"
            name="reward"
            value={name}
            checked={value === name}
            onChange={() => enter('reward', name)}
          />
          <span>
            <b>{title}</b> {note}
          </span>
        </label>
      ))}
      {problem?.field === 'reward' && <p class="problem">{problem.message}</p>}
    </fieldset>
  );
}

interface FieldProps {
  readonly name: FieldName;
  readonly problem: FieldProblem | undefined;
  /** With its own name and what it is for below it. */
  readonly explained?: boolean;
}

function Field({ name, problem, explained = false }: FieldProps) {
  const id = useId();
  const { description, expected, kind } = fieldOf(name);
  const needsWords = kind === 'integer' || kind === 'number' || kind === 'yaml';
  const isWrong = problem?.field === name;
  const isSet = name in entered.value;
  const title = (!explained && TITLES[name]) || name;
  return (
    <div class={`field ${explained ? 'explained' : ''}`}>
      <label for={id}>{title === name ? <code>{name}</code> : title}</label>
      <Control id={id} name={name} isWrong={isWrong} />
      {explained && (
        <p class="help" id={`${id}-help`}>
          <Described text={description} /> {needsWords && <em>{expected}</em>}
          {isSet && (
            <button type="button" class="link" onClick={() => enter(name, '')}>
              back to its default
            </button>
          )}
        </p>
      )}
      {!explained && (
        <p class="help tip" id={`${id}-help`}>
          <Described text={description} />
        </p>
      )}
      {isWrong && (
        <p class="problem" id={`${id}-problem`} role="alert">
          {problem.message}
        </p>
      )}
    </div>
  );
}

/** What stands between backticks is code. */
function Described({ text }: { text: string }) {
  return <>{text.split('`').map((part, i) => (i % 2 === 1 ? <code key={part}>{part}</code> : part))}</>;
}

/** What a field is entered by. Where nothing is entered it shows its default, or what its preset says. */
function Control({ id, name, isWrong }: { id: string; name: FieldName; isWrong: boolean }) {
  const { kind, options, default: fallback } = fieldOf(name);
  const value = entered.value[name] ?? '';
  const usual = textOf(checked.value.config?.[name] ?? fallback);
  const about = {
    id,
    name,
    'aria-describedby': isWrong ? `${id}-problem` : `${id}-help`,
    'aria-invalid': isWrong || undefined,
  };
  const choices = kind === 'flag' ? ['true', 'false'] : options;
  if (choices) {
    return (
      <select {...about} value={value} onChange={(event) => enter(name, event.currentTarget.value)}>
        <option value="">
          {usual === '' ? 'none' : value === '' ? usual : `${textOf(fallback) || 'none'} (default)`}
        </option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    );
  }
  const isNumber = kind === 'integer' || kind === 'number';
  return (
    <input
      {...about}
      type="text"
      inputMode={kind === 'integer' ? 'numeric' : kind === 'number' ? 'decimal' : 'text'}
      class={isNumber ? 'number' : ''}
      autocomplete="off"
      spellcheck={false}
      value={value}
      placeholder={usual}
      onInput={(event) => enter(name, event.currentTarget.value)}
    />
  );
}

/** The recipe as text: to keep, to send to somebody, to paste. */
function Yaml() {
  const draft = useSignal<string | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const copied = useSignal(false);
  const apply = (text: string) => {
    draft.value = text;
    try {
      enterYaml(text);
      problem.value = undefined;
    } catch (error) {
      problem.value = inWords(error);
    }
  };
  const text = draft.value ?? toYaml();
  return (
    <details class="yaml">
      <summary>
        As YAML <small>to copy, or to paste another in its place</small>
      </summary>
      <textarea
        name="yaml"
        aria-label="The settings as YAML"
        rows={10}
        spellcheck={false}
        value={text}
        onInput={(event) => apply(event.currentTarget.value)}
        onBlur={() => {
          if (problem.value === undefined) draft.value = undefined;
        }}
      />
      <button
        type="button"
        onClick={async () => {
          problem.value = await copyText(text);
          copied.value = problem.value === undefined;
        }}
      >
        {copied.value ? 'Copied' : 'Copy'}
      </button>
      {problem.value !== undefined && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
    </details>
  );
}
