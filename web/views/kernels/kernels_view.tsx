import './kernels.css';
import { useEffect, useState } from 'preact/hooks';
import { gpu } from '../../app/engine.ts';
import { Card } from '../../ui/card.tsx';
import { Empty, Problem } from '../../ui/messages.tsx';
import { Progress } from '../../ui/progress.tsx';
import { Adapter } from './adapter.tsx';
import { CompareCard } from './compare_card.tsx';
import { CopyButtons } from './copy_buttons.tsx';
import { ChooseKernels } from './kernel_choice.tsx';
import { RooflinePlot } from './roofline_plot.tsx';
import { RowsTable } from './rows_table.tsx';
import { compared, loadOffer, problem, progress, roofline, rows, run } from './state.ts';

/** The kernels' microbenchmarks in this tab: choose, run, read against the adapter's roofline and other runs. */
export function KernelsView() {
  const [shown, show] = useState<string>();
  const ready = gpu.value.state === 'ready';
  useEffect(() => {
    if (ready) void loadOffer();
  }, [ready]);
  const now = progress.value;
  const measured = run.value;
  const before = compared.value?.run.rows ?? [];
  return (
    <section class="kernels" aria-labelledby="kernels-title">
      <header class="kernels-head">
        <h1 id="kernels-title">How fast the kernels are here</h1>
        <p class="lede">
          Each hand-written kernel by itself, at the shapes of real models: the same rows as <code>trimtab bench</code>,
          measured in this tab. Results are compared with a reference in double precision first, where that is cheap.
        </p>
      </header>
      <aside class="stack" aria-label="What is measured">
        <ChooseKernels />
      </aside>
      <div class="stack">
        <Problem message={problem.value} />
        <Card
          title="Against the roofline"
          sub="No kernel can be above the line: below its knee the memory limits, beyond it the arithmetic. Both were measured on this adapter."
          busy={now !== undefined}
        >
          {now && <Progress label={now.what || 'Getting ready'} done={now.done} total={now.total} unit="rows" />}
          {roofline.value && measured ? (
            <RooflinePlot roof={roofline.value} rows={rows.value} before={before} shown={shown} onShow={show} />
          ) : (
            !now && <Empty>Choose kernels and shapes, and press Measure: a row takes about a second at most.</Empty>
          )}
        </Card>
        <Adapter />
      </div>
      <div class="stack wide">
        {measured && (
          <Card title="Rows" actions={<CopyButtons run={measured} />}>
            <RowsTable rows={rows.value} before={compared.value && before} shown={shown} onShow={show} />
          </Card>
        )}
        <CompareCard />
      </div>
    </section>
  );
}
