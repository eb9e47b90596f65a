/** The `zendo` command line. */
import { Command } from 'commander';

await new Command('zendo').description('boots unmodified Xen guests anywhere JavaScript runs').parseAsync();
