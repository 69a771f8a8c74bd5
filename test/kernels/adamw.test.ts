import { cases } from '../cases/adamw.ts';
import { describeCases } from './driver.ts';

describeCases('adamw', cases());
