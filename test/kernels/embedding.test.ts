import { cases } from '../cases/embedding.ts';
import { describeCases } from './driver.ts';

describeCases('embedding', cases());
