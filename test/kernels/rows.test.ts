import { cases } from '../cases/rows.ts';
import { describeCases } from './driver.ts';

describeCases('rows', cases());
