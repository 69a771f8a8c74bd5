import { cases } from '../cases/top_k.ts';
import { describeCases } from './driver.ts';

describeCases('top_k', cases());
