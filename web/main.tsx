import './style/tokens.css';
import './style/base.css';
import './style/ui.css';
import './style/shell.css';
import { render } from 'preact';
import { App } from './app/app.tsx';
import { keepForOffline } from './app/offline.ts';

render(<App />, document.getElementById('app') as HTMLElement);
// The view is drawn and answers; what the visit after this one needs comes when nothing of this one waits for it.
requestAnimationFrame(() => performance.mark('interactive'));
addEventListener('load', () => void keepForOffline());
