import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { signed, significant } from '../../../src/eval/figures.ts';
import type { NextTokenChoices } from '../../../src/eval/next_token.ts';
import { inline, share } from '../../ui/token_text.ts';
import { choices, type Look, look } from './look.ts';
import { columns, running, scores, shownRequest, vectors } from './state.ts';

/** Distance from the token and from the window's edges, in pixels. */
const GAP = 8;

/** Tokens that the card has room for. */
const ROWS = 6;

/** What is known of the token that is looked at: its probability, and what else could have stood there. */
export function TokenCard() {
  const at = look.value;
  return at ? <Card at={at} /> : null;
}

function Card({ at }: { at: Look }) {
  const card = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ left: 0, top: 0 });
  const found = choices.value;
  useLayoutEffect(() => {
    const { width = 0, height = 0 } = card.current?.getBoundingClientRect() ?? {};
    const below = at.box.bottom + GAP + height <= innerHeight;
    setPlace({
      left: Math.max(GAP, Math.min(at.box.left, document.documentElement.clientWidth - width - GAP)),
      top: below ? at.box.bottom + GAP : Math.max(GAP, at.box.top - GAP - height),
    });
  }, [at, found]);

  const token = columns.value[at.column].tokens[at.step];
  if (!token) return null;
  const both = scores.value[at.column];
  const delta = both && (both.steered[at.step] as number) - (both.base[at.step] as number);
  const greedy = shownRequest.value?.temperature === 0;
  return (
    <div
      ref={card}
      class="steer-card"
      id="token-card"
      role="status"
      style={{ left: `${place.left}px`, top: `${place.top}px` }}
    >
      <p class="steer-card-head">
        <code>{inline(token.text) || '▫'}</code>
        <small>
          token {token.step + 1} · id {token.id}
        </small>
      </p>
      <dl>
        <div>
          <dt>Probability</dt>
          <dd>{share(Math.exp(token.logprob))}</dd>
        </div>
        <div>
          <dt>Entropy</dt>
          <dd>{token.entropy.toFixed(2)} nats</dd>
        </div>
        {delta !== undefined && (
          <div>
            <dt>With the vectors</dt>
            <dd>
              × {significant(Math.exp(delta))} ({signed(delta)} nats)
            </dd>
          </div>
        )}
      </dl>
      {!greedy && <small>Probability and entropy as sampled, at the temperature that is set.</small>}
      {typeof found === 'object' ? (
        <Alternatives found={found} id={token.id} />
      ) : (
        <p class="steer-waiting">
          {found ?? (running.value === undefined ? 'Asking the model…' : 'Alternatives once the text is finished.')}
        </p>
      )}
    </div>
  );
}

/** Both distributions beside each other. */
function Alternatives({ found, id }: { found: NextTokenChoices; id: number }) {
  const sides = found.entropy.length === 2 && vectors.value !== undefined ? ['base', 'steered'] : ['base'];
  const rows = found.tokens.filter((row, rank) => rank < ROWS || row.id === id);
  return (
    <table>
      <caption>
        {sides.length === 2
          ? `Likeliest here, temperature 1 · KL ${(found.kl[1] as number).toFixed(2)} nats`
          : 'Likeliest here, temperature 1'}
      </caption>
      <thead>
        <tr>
          <th scope="col">Token</th>
          {sides.map((side) => (
            <th key={side} scope="col">
              {side}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id} data-taken={row.id === id}>
            <th scope="row">
              <code>{inline(row.token)}</code>
              {row.id === id && <span class="steer-taken">◂ taken</span>}
            </th>
            {sides.map((side, i) => (
              <td key={side} data-side={side}>
                <i style={{ width: `${100 * (row.probability[i] as number)}%` }} />
                {share(row.probability[i] as number)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
