import { cases } from '../cases/head.ts';
import { describeCases } from './driver.ts';

describeCases('head', cases());
