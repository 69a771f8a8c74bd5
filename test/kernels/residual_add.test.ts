import { cases } from '../cases/residual_add.ts';
import { describeCases } from './driver.ts';

describeCases('residual_add', cases());
