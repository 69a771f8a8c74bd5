import { cases } from '../cases/path_keys.ts';
import { describeCases } from './driver.ts';

describeCases('path_keys', cases());
