import { cases } from '../cases/kv_write.ts';
import { describeCases } from './driver.ts';

describeCases('kv_write', cases());
