#!/usr/bin/env node
// The `xl` command: Xen's, on Zendo's daemon.
import { launch } from './launch.js';

await launch('xl');
