import { cases } from '../cases/policy_loss.ts';
import { describeCases } from './driver.ts';

describeCases('policy_loss', cases());
