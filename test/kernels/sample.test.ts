import { cases } from '../cases/sample.ts';
import { describeCases } from './driver.ts';

describeCases('sample', cases());
