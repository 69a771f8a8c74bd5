import { cases } from '../cases/kept_rows.ts';
import { describeCases } from './driver.ts';

describeCases('kept rows', cases());
