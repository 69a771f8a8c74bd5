import { cases } from '../cases/decode_rows.ts';
import { describeCases } from './driver.ts';

describeCases('decode_rows', cases());
