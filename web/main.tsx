import './style/base.css';
import { render } from 'preact';
import { App } from './app/app.tsx';
import { byId } from './ui/dom.ts';

render(<App />, byId('app'));
