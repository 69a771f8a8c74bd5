import type { ProfileReport } from '../kernels/profile_report.ts';
import { percent, significant } from './figures.ts';
import { card } from './page.ts';
import { escapeText } from './svg.ts';

/** The dearest are shown. */
const ROWS = 12;

/** report.html's section on where the GPU's time went, a bar for each kernel. */
export function profileCard(profile: ProfileReport | undefined): string {
  if (!profile || profile.kernels.length === 0) return '';
  const { kernels, roofline, timed, idle_share, timing } = profile;
  const top = kernels[0]?.share ?? 1;
  const rows = kernels.slice(0, ROWS).map(({ kernel, share, ms, calls, gflops, gbps, roofline: roof }) => {
    const width = Math.max(1, Math.round((120 * share) / top));
    const cells = [
      String(calls),
      `${significant(ms)} ms`,
      gflops ? significant(gflops) : '',
      gbps ? significant(gbps) : '',
      roof ? percent(roof) : '',
    ];
    return (
      `<tr><td class="norm"><span class="norm"><i style="width:${width}px;background:var(--after)"></i>${percent(share)}</span></td>` +
      `<td>${escapeText(kernel)}</td>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`
    );
  });
  const head = ['share', 'kernel', 'calls', 'GPU time', 'GFLOP/s', 'GB/s', 'of its roofline'];
  return card(
    'Where the GPU’s time went',
    `${timed.parts} ${timed.parts === 1 ? 'step' : 'steps'} with every dispatch timed, which took ${percent(timing.share)} of that time; the GPU was ` +
      `idle for ${percent(idle_share)}. Roofline measured on this adapter: ${significant(roofline.gflops)} GFLOP/s, ${significant(roofline.gbps)} GB/s.`,
    `<div class="lens"><table><tr>${head.map((text) => `<th>${text}</th>`).join('')}</tr>${rows.join('')}</table></div>`,
  );
}
