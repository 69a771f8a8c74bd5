import { cases } from '../cases/softmax_kl.ts';
import { describeCases } from './driver.ts';

describeCases('softmax_kl', cases());
