import { cases } from '../cases/decode_advance.ts';
import { describeCases } from './driver.ts';

describeCases('decode_advance', cases());
