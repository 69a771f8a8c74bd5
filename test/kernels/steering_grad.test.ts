import { cases } from '../cases/steering_grad.ts';
import { describeCases } from './driver.ts';

describeCases('steering_grad', cases());
