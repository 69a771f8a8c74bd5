import { cases } from '../cases/keep_rows.ts';
import { describeCases } from './driver.ts';

describeCases('keep_rows', cases());
