import { Component } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Card } from '../../ui/card.tsx';
import { Empty } from '../../ui/messages.tsx';
import { inline, pieces } from '../../ui/token_text.ts';
import type { Column, StreamEvent } from '../../worker/steer_types.ts';
import { look, lookAt } from './look.ts';
import { parting, shadeOf } from './marks.ts';
import * as state from './state.ts';

const NAMES: Readonly<Record<Column, string>> = { base: 'Base', steered: 'Steered' };
const OTHER: Readonly<Record<Column, Column>> = { base: 'steered', steered: 'base' };

/** A text as it comes, token by token. */
export function TextColumn({ column }: { column: Column }) {
  const { tokens, outcome } = state.columns.value[column];
  const busy = state.running.value !== undefined && state.shownRequest.value?.columns.includes(column) === true;
  const empty = column === 'steered' && !state.vectors.value;
  return (
    <Card title={NAMES[column]} class={`steer-column ${column}`} actions={<Verdict column={column} />}>
      {state.past.value.map((turn, i) => (
        <div class="steer-turn" key={i}>
          <p class="steer-user">{turn.user}</p>
          <p class="steer-said">
            <Text text={turn[column]} />
          </p>
        </div>
      ))}
      {state.asked.value !== undefined && <p class="steer-user">{state.asked.value}</p>}
      {empty && tokens.length === 0 ? (
        <NoVectors />
      ) : tokens.length > 0 ? (
        <Tokens column={column} busy={busy && !outcome} />
      ) : (
        <p class="steer-waiting">{busy ? 'Waiting for the GPU…' : 'Nothing generated yet.'}</p>
      )}
      <footer>{footer(column)}</footer>
    </Card>
  );
}

function NoVectors() {
  return (
    <Empty
      action={
        <a class="button primary" href="#/train">
          Train some for a minute
        </a>
      }
    >
      There are no vectors to steer with yet. Train some, or drop a .safetensors file of vectors here.
    </Empty>
  );
}

/** Whether the answer is right, in a sign and a word. */
function Verdict({ column }: { column: Column }) {
  const verdict = state.columns.value[column].outcome?.verdict;
  if (!verdict) return null;
  const found = verdict.extracted === null ? 'no boxed answer' : `answers ${inline(verdict.extracted)}`;
  return (
    <span class="steer-verdict" data-correct={verdict.correct}>
      {verdict.correct ? '✓ right' : '✗ wrong'}
      <small>{found}</small>
    </span>
  );
}

function footer(column: Column): string {
  const { tokens, outcome } = state.columns.value[column];
  if (tokens.length === 0) return '';
  const count = `${tokens.length} tokens`;
  if (!outcome) return count;
  const ended = {
    stop: 'ended by itself',
    length: 'cut off at the most tokens',
    stopped: 'stopped',
  }[outcome.finishReason];
  const seconds = state.seconds.value;
  const took = seconds !== undefined ? ` · both in ${seconds.toFixed(1)} s` : '';
  const both = state.shownRequest.value?.columns.length === 2;
  return `${count} · ${ended} · prompt of ${outcome.promptTokens}${both ? took : ''}`;
}

function Tokens({ column, busy }: { column: Column; busy: boolean }) {
  const { tokens, outcome } = state.columns.value[column];
  const other = state.columns.value[OTHER[column]].tokens;
  const at = parting(tokens, other);
  const scores = state.scores.value[column];
  const list = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  const looked = look.value?.column === column ? look.value.step : undefined;

  const tokenAt = (step: number) => list.current?.querySelector<HTMLElement>(`[data-step="${step}"]`);
  const show = (step: number) => {
    const box = tokenAt(step)?.getBoundingClientRect();
    if (box) lookAt({ column, step, box });
  };
  const stepOf = (event: Event) => {
    const step = (event.target as Element).closest<HTMLElement>('[data-step]')?.dataset.step;
    return step === undefined ? undefined : Number(step);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowRight: active + 1, ArrowLeft: active - 1, Home: 0, End: tokens.length - 1 }[event.key];
    const line = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (to === undefined && line === undefined) return;
    event.preventDefault();
    const next = to ?? lineStep(list.current, active, line as number);
    tokenAt(Math.max(0, Math.min(tokens.length - 1, next)))?.focus();
  };

  return (
    <div
      ref={list}
      class="steer-tokens"
      role="listbox"
      aria-label={`${NAMES[column]} text, token by token`}
      data-busy={busy}
      onKeyDown={onKeyDown}
      onFocusIn={(event) => {
        const step = stepOf(event);
        if (step === undefined) return;
        setActive(step);
        show(step);
      }}
      onFocusOut={() => lookAt(undefined)}
      onPointerOver={(event) => {
        const step = stepOf(event);
        if (step !== undefined) show(step);
      }}
      onPointerLeave={() => {
        if (!list.current?.contains(document.activeElement)) lookAt(undefined);
      }}
    >
      {tokens.map((token) => {
        const { step } = token;
        const place = at === undefined ? 'same' : step < at ? 'same' : step === at ? 'parting' : 'after';
        const delta = scores && (scores.steered[step] as number) - (scores.base[step] as number);
        return (
          <Token
            key={step}
            token={token}
            place={other.length === 0 ? 'after' : place}
            shade={shadeOf(delta)}
            looked={looked === step}
            tabbable={step === Math.min(active, tokens.length - 1)}
            cut={outcome !== undefined && step >= outcome.kept}
          />
        );
      })}
    </div>
  );
}

interface TokenProps {
  readonly token: StreamEvent;
  readonly place: string;
  readonly shade: number;
  readonly looked: boolean;
  /** The one token that Tab reaches; arrow keys move on from it. */
  readonly tabbable: boolean;
  /** Begins or follows a stop text. */
  readonly cut: boolean;
}

/** Drawn again only when something of it changed: a text has hundreds, and another with each step. */
class Token extends Component<TokenProps> {
  override shouldComponentUpdate(next: Readonly<TokenProps>): boolean {
    return Object.entries(next).some(([name, value]) => value !== this.props[name as keyof TokenProps]);
  }

  override render({ token, place, shade, looked, tabbable, cut }: TokenProps) {
    return (
      <span
        class="steer-token"
        role="option"
        tabIndex={tabbable ? 0 : -1}
        aria-selected={looked}
        aria-label={nameOf(token)}
        data-step={token.step}
        data-place={place}
        data-shade={shade || undefined}
        data-special={token.special || undefined}
        data-cut={cut || undefined}
      >
        {token.text === '' ? <i data-sign="▫" /> : <Text text={token.text} />}
      </span>
    );
  }
}

/** What a token is called that has no letters to read out. */
function nameOf({ text, special, id }: StreamEvent): string | undefined {
  if (special) return `end: ${text}`;
  if (text === '') return `part of a character, token ${id}`;
  return text.trim() === ''
    ? text.replace(/ /g, 'space ').replace(/\n/g, 'new line ').replace(/\t/g, 'tab ')
    : undefined;
}

/** Text nodes and signs; a sign is drawn by the style sheet, so that what is copied is what the model said. */
function Text({ text }: { text: string }) {
  return (
    <>
      {pieces(text).map(({ kind, text, sign }, i) =>
        kind === 'text' ? (
          text
        ) : kind === 'control' ? (
          <i key={i} class="steer-control">
            {sign}
          </i>
        ) : (
          <i key={i} class={`steer-${kind}`} data-sign={sign}>
            {text}
          </i>
        ),
      )}
    </>
  );
}

/** The token above or below: the one whose middle is nearest on the next line. */
function lineStep(list: HTMLElement | null, from: number, direction: number): number {
  const boxes = [...(list?.querySelectorAll('[data-step]') ?? [])].map((token) => token.getClientRects()[0]);
  const here = boxes[from];
  if (!here) return from;
  const middle = (here.left + here.right) / 2;
  let best = from;
  let least = Number.POSITIVE_INFINITY;
  boxes.forEach((box, step) => {
    const down = box ? (box.top - here.top) * direction : 0;
    if (!box || down < here.height / 2) return;
    const far = down * 1000 + Math.abs((box.left + box.right) / 2 - middle);
    if (far < least) [best, least] = [step, far];
  });
  return best;
}
