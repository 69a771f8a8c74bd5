import { cases } from '../cases/roofline.ts';
import { describeCases } from './driver.ts';

describeCases('roofline', cases());
