#!/usr/bin/env node
// The `zendo` command.
import { launch } from './launch.js';

await launch('zendo');
