import { cases } from '../cases/half_rows.ts';
import { describeCases } from './driver.ts';

describeCases('half_rows', cases());
